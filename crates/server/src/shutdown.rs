//! Shutdown: how the server learns that it is to stop.

/// Ends when the process is told to stop: Ctrl+C, or SIGTERM from a supervisor.
pub async fn signal() {
    let interrupt = async {
        // Without a handler for it, Ctrl+C ends the process anyway.
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(cause = %error, "Ctrl+C will stop the server at once");
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(error) => {
                tracing::warn!(cause = %error, "SIGTERM will stop the server at once");
                std::future::pending::<()>().await;
            }
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
    tracing::info!("stopping: requests in flight are finished first");
}
