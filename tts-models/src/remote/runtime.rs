//! The thread that waits for servers: an async runtime that nobody outside sees.

use std::future::Future;
use std::sync::mpsc;

use tokio::runtime::{Builder, Runtime as Tokio};
use tokio::task::AbortHandle;

use super::RemoteError;

/// One thread with its event loop. It may be dropped anywhere, within another runtime even.
#[derive(Debug)]
pub(super) struct Runtime(Option<Tokio>);

impl Runtime {
    pub(super) fn new() -> Result<Self, RemoteError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("remote-engine")
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| RemoteError::config("runtime", error.to_string()))?;
        Ok(Self(Some(runtime)))
    }

    /// Begins something; it goes on by itself, and can be called off.
    pub(super) fn spawn<F>(&self, work: F) -> Option<AbortHandle>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.as_ref().map(|runtime| runtime.spawn(work).abort_handle())
    }

    /// Waits for something, from a thread that may block.
    pub(super) fn wait<F, T>(&self, work: F) -> Result<T, RemoteError>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let (tell, told) = mpsc::sync_channel(1);
        self.spawn(async move {
            // Nobody may be waiting any more.
            let _ = tell.send(work.await);
        });
        told.recv().map_err(|_| RemoteError::config("runtime", "the work was lost"))
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Dropping it plainly blocks, which is not allowed within another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
