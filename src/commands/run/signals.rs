//! What asks a runner to stop: Ctrl-C, and where there are signals, the polite one that ends a process.

/// The signals that were asked for.
pub struct Signals {
    #[cfg(unix)]
    term: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    /// Begins to wait for them. Must be called in a runtime.
    pub fn new() -> Signals {
        Signals {
            #[cfg(unix)]
            term: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok(),
        }
    }

    /// Waits for the next.
    #[cfg(unix)]
    pub async fn next(&mut self) {
        let term = async {
            match &mut self.term {
                Some(term) => drop(term.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = term => {}
        }
    }

    /// Waits for the next.
    #[cfg(not(unix))]
    pub async fn next(&mut self) {
        // Where the key press cannot be heard of, it ends the process as it does all others.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
