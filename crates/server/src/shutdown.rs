//! Shutdown: how the server learns that it is to stop, and that it does in time.
//!
//! A thread of its own listens for signals, so that they are heard however busy all others are.

use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::telemetry;

/// What told the process to stop.
#[derive(Clone, Copy, Debug)]
enum Signal {
    /// Ctrl+C.
    Interrupt,
    /// SIGTERM, from a supervisor.
    Terminate,
}

impl Signal {
    /// How a process is said to have ended that this signal ended.
    fn exit_code(self) -> i32 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Ends when the process is told to stop. From then on it has so much time: past it, and when it is
/// told a second time, it ends where it stands, which loses nothing that was acknowledged.
///
/// It listens as soon as this is called.
pub fn signal(grace: Duration) -> impl Future<Output = ()> {
    let (told, heard) = oneshot::channel();
    let (listens, is_listening) = mpsc::channel();
    let listening = std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || listen(told, &listens, grace));
    if let Err(cause) = listening {
        tracing::warn!(%cause, "Ctrl+C and SIGTERM will stop the server at once");
    }
    // A thread that could not listen has dropped its end.
    let _ = is_listening.recv();
    async {
        if heard.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn listen(told: oneshot::Sender<()>, listens: &mpsc::Sender<()>, grace: Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(cause) => {
            tracing::warn!(%cause, "Ctrl+C and SIGTERM will stop the server at once");
            return;
        }
    };
    runtime.block_on(async {
        let mut signals = Signals::new();
        let _ = listens.send(());
        signals.next().await;
        tracing::info!("stopping: requests in flight are finished first");
        // Nobody who waits for it: the server has ended by itself.
        let _ = told.send(());
        let code = tokio::select! {
            signal = signals.next() => {
                tracing::warn!("told to stop a second time: ends at once");
                signal.exit_code()
            }
            () = tokio::time::sleep(grace) => {
                tracing::error!("the time to stop is over: ends at once");
                1
            }
        };
        telemetry::flush();
        std::process::exit(code);
    });
}

/// The signals that stop the process, one after the other.
struct Signals {
    #[cfg(unix)]
    interrupt: Option<tokio::signal::unix::Signal>,
    #[cfg(unix)]
    terminate: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        // Without a handler, a signal ends the process anyway.
        let listen = |kind, name| {
            signal(kind)
                .inspect_err(|cause| tracing::warn!(%cause, name, "will stop the server at once"))
                .ok()
        };
        Self {
            interrupt: listen(SignalKind::interrupt(), "Ctrl+C"),
            terminate: listen(SignalKind::terminate(), "SIGTERM"),
        }
    }

    #[cfg(unix)]
    async fn next(&mut self) -> Signal {
        async fn of(signal: &mut Option<tokio::signal::unix::Signal>) {
            if let Some(signal) = signal
                && signal.recv().await.is_some()
            {
                return;
            }
            std::future::pending::<()>().await;
        }
        tokio::select! {
            () = of(&mut self.interrupt) => Signal::Interrupt,
            () = of(&mut self.terminate) => Signal::Terminate,
        }
    }

    #[cfg(not(unix))]
    fn new() -> Self {
        Self {}
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }
}
