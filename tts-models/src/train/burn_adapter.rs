//! Low-rank adapters in a Burn decoder: put beside its projections, and read back.
//!
//! Hu et al. 2021 (arXiv:2106.09685), section 4.1.

use burn::tensor::backend::Backend;

use super::adapter::{Adapter, Factors, Site};
use crate::exec::transformer::{Decoder, DecoderLayer, FeedForwardBlock, LowRank, Projection};
use crate::{ModelConfig, ModelError};

/// The projection at a site; none in the place of a network for which experts stand.
fn projection<B: Backend>(layer: &mut DecoderLayer<B>, site: Site) -> Option<&mut Projection<B>> {
    let attention = &mut layer.attention;
    let network = match &mut layer.feed_forward {
        FeedForwardBlock::Dense(network) => Some(network),
        FeedForwardBlock::Mixture(_) => None,
    };
    match site {
        Site::Query => Some(&mut attention.query),
        Site::Key => Some(&mut attention.key),
        Site::Value => Some(&mut attention.value),
        Site::Output => Some(&mut attention.output),
        Site::Gate => network.map(|network| &mut network.gate),
        Site::Up => network.map(|network| &mut network.up),
        Site::Down => network.map(|network| &mut network.down),
    }
}

fn missing(layer: usize, site: Site) -> ModelError {
    ModelError::input(format!("adapter of layer {layer}"), format!("{site:?} is not there"))
}

/// Puts the factors beside the weights of a decoder of this shape.
///
/// # Errors
/// When a site is not there, or a factor has another size.
pub(super) fn attach<B: Backend>(
    decoder: &mut Decoder<B>,
    adapter: &Adapter,
    shape: &ModelConfig,
    device: &B::Device,
) -> Result<(), ModelError> {
    let counts = (adapter.config.rank, f64::from(adapter.scale()));
    for (index, (layer, factors)) in decoder.layers.iter_mut().zip(&adapter.layers).enumerate() {
        for (&site, Factors { a, b }) in adapter.config.sites.iter().zip(factors) {
            let own = projection(layer, site).ok_or_else(|| missing(index, site))?;
            own.low_rank = Some(LowRank::new([a, b], site.shape(shape), counts, device)?);
        }
    }
    Ok(())
}

/// The adapter that stands beside the weights of a decoder, `like` one of its sites.
///
/// # Errors
/// When a site has none, or the device does not give it back.
pub(super) fn detach<B: Backend>(
    mut decoder: Decoder<B>,
    like: &Adapter,
) -> Result<Adapter, ModelError> {
    let mut layers = Vec::with_capacity(decoder.layers.len());
    for (index, layer) in decoder.layers.iter_mut().enumerate() {
        let mut own = Vec::with_capacity(like.config.sites.len());
        for &site in &like.config.sites {
            let beside = projection(layer, site).and_then(|own| own.low_rank.as_ref());
            let [a, b] = beside.ok_or_else(|| missing(index, site))?.factors()?;
            own.push(Factors { a, b });
        }
        layers.push(own);
    }
    Ok(Adapter { layers, ..like.clone() })
}
