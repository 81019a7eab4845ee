//! Shutdown: listening for stop signals, and ending the process within the grace period.
//!
//! A dedicated thread listens for signals, so that they are handled however busy other threads are.

use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::telemetry;

/// A signal that stops the process.
#[derive(Clone, Copy, Debug)]
enum Signal {
    /// Ctrl+C.
    Interrupt,
    /// SIGTERM, from a supervisor.
    Terminate,
}

impl Signal {
    /// Returns the conventional exit code of a process that this signal ended.
    fn exit_code(self) -> i32 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Returns a future that completes at the first stop signal. After `grace`, or at a second signal, the
/// process exits immediately. Acknowledged writes are not lost.
///
/// Starts to listen when called, not when the future is first polled.
pub fn signal(grace: Duration) -> impl Future<Output = ()> {
    let (stop, stopped) = oneshot::channel();
    let (listens, is_listening) = mpsc::channel();
    let listening = std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || listen(stop, &listens, grace));
    if let Err(cause) = listening {
        tracing::warn!(%cause, "signal_handlers_unavailable");
    }
    // A thread that cannot listen drops its sender.
    let _ = is_listening.recv();
    async {
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn listen(stop: oneshot::Sender<()>, listens: &mpsc::Sender<()>, grace: Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(cause) => {
            tracing::warn!(%cause, "signal_handlers_unavailable");
            return;
        }
    };
    runtime.block_on(async {
        let mut signals = Signals::new();
        let _ = listens.send(());
        signals.next().await;
        tracing::info!("shutdown_started");
        // An error means that nobody is waiting: the server has ended by itself.
        let _ = stop.send(());
        let code = tokio::select! {
            signal = signals.next() => {
                tracing::warn!("shutdown_forced");
                signal.exit_code()
            }
            () = tokio::time::sleep(grace) => {
                tracing::error!("shutdown_grace_expired");
                1
            }
        };
        telemetry::flush();
        std::process::exit(code);
    });
}

/// The signals that stop the process, in order of arrival.
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
        // Without a handler, the signal ends the process by default.
        let listen = |kind, name| {
            signal(kind)
                .inspect_err(|cause| tracing::warn!(%cause, name, "signal_handler_unavailable"))
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
