//! Requests over HTTP and HTTPS, for what is fetched from the web.
//!
//! Certificates are checked against the roots that come with the program, so that nothing depends on the machine.
//!
//! Source: none; the `ureq` crate with `rustls`.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

/// An agent that waits so long for a connection, and so long for an answer to begin; `whole` bounds a request from
/// beginning to end.
pub(crate) fn agent(patience: Duration, whole: Option<Duration>, fails_on_status: bool) -> Agent {
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::WebPki)
        .unversioned_rustls_crypto_provider(Arc::new(rustls_graviola::default_provider()))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .timeout_connect(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_global(whole)
        .http_status_as_error(fails_on_status)
        .build()
        .new_agent()
}
