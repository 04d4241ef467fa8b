//! Requests over HTTP and HTTPS, for what is fetched from the web.
//!
//! Certificates are checked against the roots that come with the program, so that nothing depends on the machine.
//!
//! Source: none; the `ureq` crate with `rustls`.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
#[cfg(feature = "web")]
use ureq::config::ConfigBuilder;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
#[cfg(feature = "web")]
use ureq::typestate::AgentScope;
#[cfg(feature = "web")]
use ureq::unversioned::{resolver::Resolver, transport::DefaultConnector};

#[cfg(feature = "web")]
use crate::retrieve::PublicOnly;

/// An agent that waits so long for a connection, and so long for an answer to begin.
#[cfg(feature = "hub")]
pub(crate) fn agent(patience: Duration) -> Agent {
    let config = Agent::config_builder().tls_config(tls());
    let config = config.timeout_connect(Some(patience)).timeout_recv_response(Some(patience));
    config.build().new_agent()
}

/// An agent whose requests end within `whole`. What was answered is told, whatever it is: an answer that sends it elsewhere
/// is not followed, for a key in a header would go along.
#[cfg(feature = "web")]
pub(crate) fn staying(whole: Duration) -> Agent {
    let config = Agent::config_builder().tls_config(tls()).timeout_global(Some(whole));
    config.max_redirects(0).http_status_as_error(false).build().new_agent()
}

/// An agent for pages of strangers: requests end within `whole`, are sent elsewhere so often, and, unless `private`, reach
/// addresses of the open internet alone, without a proxy.
#[cfg(feature = "web")]
pub(crate) fn visiting(whole: Duration, redirects: u32, private: bool) -> Agent {
    if private {
        return following(whole, redirects).build().new_agent();
    }
    resolving(whole, redirects, PublicOnly::default())
}

/// As [`visiting`], by whoever says where a name is, without a proxy.
#[cfg(feature = "web")]
pub(crate) fn resolving(whole: Duration, redirects: u32, by: impl Resolver) -> Agent {
    let config = following(whole, redirects).proxy(None).build();
    Agent::with_parts(config, DefaultConnector::default(), by)
}

#[cfg(feature = "web")]
fn following(whole: Duration, redirects: u32) -> ConfigBuilder<AgentScope> {
    let config = Agent::config_builder().tls_config(tls()).timeout_global(Some(whole));
    config.max_redirects(redirects).http_status_as_error(false)
}

fn tls() -> TlsConfig {
    TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::WebPki)
        .unversioned_rustls_crypto_provider(Arc::new(rustls_graviola::default_provider()))
        .build()
}
