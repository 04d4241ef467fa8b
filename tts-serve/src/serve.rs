//! From start to stop: listens, and ends in good order.
//!
//! When it is told to stop, nothing new is accepted, `/ready` says no, and what runs may end, for
//! [`ServeConfig::shutdown_seconds`] at most; what is left then is called off with an error that says so.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::engine::{Engine, Places};
use crate::http::{Shared, router};
use crate::metrics::Metrics;
use crate::{Model, ServeConfig};

/// How long clients are given to hear that their requests were called off.
const FAREWELL: Duration = Duration::from_secs(2);

/// A server that cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A setting is out of range, or models cannot be told apart.
    #[error("{0}")]
    Config(String),
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// Serves models until `stop` is ready, and what then runs has ended. It blocks.
///
/// ```
/// use std::sync::Arc;
/// use tts_core::toy::ToyWorld;
/// use tts_serve::{Model, ServeConfig, serve};
///
/// let models = vec![Model::new("toy", Arc::new(ToyWorld::default()))];
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// // Until a signal comes it would be `tts_serve::stop_signal()`.
/// serve(&ServeConfig::default(), models, listener, async {})?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When a setting is out of range, there is no model, two have one name, or the operating system refuses.
pub fn serve(
    config: &ServeConfig,
    models: Vec<Model>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    check(config, &models).map_err(ServeError::Config)?;
    let io = |what| move |source| ServeError::Io { what, source };
    let models: Arc<[Model]> = models.into();
    let metrics = Arc::new(Metrics::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(io("the runtime"))?;
    listener.set_nonblocking(true).map_err(io("the listener"))?;
    let (engine, thread) = Engine::start(Arc::clone(&models), config, Arc::clone(&metrics))
        .map_err(io("the thread that searches"))?;
    let shared = Arc::new(Shared {
        config: config.clone(),
        models,
        engine,
        places: Places::new(config.in_flight.saturating_add(config.queue)),
        metrics,
        ready: AtomicBool::new(true),
        count: AtomicU64::new(0),
    });
    let served = runtime.block_on(listen(shared, listener, stop));
    // With it go the handlers that are left, and the searches that nobody waits for.
    drop(runtime);
    let joined = thread.join();
    served.map_err(io("the listener"))?;
    joined.map_err(|_| io("the thread that searches")(std::io::Error::other("it panicked")))
}

fn check(config: &ServeConfig, models: &[Model]) -> Result<(), String> {
    config.check()?;
    if models.is_empty() {
        return Err("there is no model to serve".into());
    }
    for (number, model) in models.iter().enumerate() {
        model.check()?;
        if models[..number].iter().any(|other| other.name == model.name) {
            return Err(format!("two models are called {:?}", model.name));
        }
    }
    Ok(())
}

async fn listen(
    shared: Arc<Shared>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (told, mut heard) = tokio::sync::watch::channel(false);
    let graceful = async move {
        // An error says that nobody can tell any more.
        let _ = heard.wait_for(|told| *told).await;
    };
    let server = axum::serve(listener, router(Arc::clone(&shared)));
    let server = server.with_graceful_shutdown(graceful).into_future();
    let limit = async {
        stop.await;
        shared.ready.store(false, Ordering::Relaxed);
        let _ = told.send(true);
        tokio::time::sleep(Duration::from_secs_f64(shared.config.shutdown_seconds)).await;
        shared.engine.close();
        tokio::time::sleep(FAREWELL).await;
    };
    let (server, limit) = (std::pin::pin!(server), std::pin::pin!(limit));
    match futures_util::future::select(server, limit).await {
        futures_util::future::Either::Left((served, _)) => served,
        futures_util::future::Either::Right(_) => Ok(()),
    }
}

/// Ready when the process is asked to stop: by Ctrl-C, or by SIGTERM.
pub async fn stop_signal() {
    let interrupt = std::pin::pin!(async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler the signal ends the process as ever.
            std::future::pending::<()>().await;
        }
    });
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            let terminate = std::pin::pin!(terminate.recv());
            futures_util::future::select(interrupt, terminate).await;
            return;
        }
    }
    interrupt.await;
}
