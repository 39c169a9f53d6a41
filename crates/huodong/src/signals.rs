//! When to stop.

/// Resolves at SIGINT or SIGTERM. Where a signal cannot be listened for, the other one still is.
pub(crate) async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        (Ok(mut one), Err(error)) | (Err(error), Ok(mut one)) => {
            tracing::warn!(%error, "one of SIGINT and SIGTERM cannot be listened for");
            one.recv().await;
        }
        (Err(error), Err(_)) => {
            tracing::warn!(%error, "signals cannot be listened for; the server stops when killed");
            std::future::pending::<()>().await;
        }
    }
}
