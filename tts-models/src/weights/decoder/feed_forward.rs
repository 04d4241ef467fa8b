//! The weights of a layer's feed-forward part: one network, or experts with a router.
//!
//! Every network is gated: `down(activation(gate(x)) * up(x))`, with biases of the three where the config says so. A
//! mixture adds a matrix with a row an expert, the router, which is never rounded: a logit that moves sends a token
//! to another expert.

use super::Source;
use crate::weights::config::Experts;
use crate::{ModelConfig, ModelError};

/// The feed-forward part of a layer. With `h = hidden_size`, `f` the width of a network
/// ([`ModelConfig::feed_forward_width`]).
#[derive(Debug, Clone, PartialEq)]
pub enum FeedForwardWeights<M = Vec<f32>> {
    /// One network, that every token goes through.
    Dense(NetworkWeights<M>),
    /// Many, of which each token goes through some.
    Mixture(MixtureWeights<M>),
}

/// The weights of one gated network.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkWeights<M = Vec<f32>> {
    /// `SwiGLU` gate projection, `[f, h]`.
    pub gate: M,
    /// `SwiGLU` up projection, `[f, h]`.
    pub up: M,
    /// `SwiGLU` down projection, `[h, f]`.
    pub down: M,
    /// Biases of gate `[f]`, up `[f]` and down `[h]`.
    pub biases: Option<[Vec<f32>; 3]>,
}

/// The weights of experts and of the router that chooses among them.
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureWeights<M = Vec<f32>> {
    /// How it chooses: what the config says.
    pub how: Experts,
    /// Whose outputs are the experts' logits, `[experts, h]`; always in f32.
    pub router: M,
    /// Its bias, `[experts]`.
    pub router_bias: Option<Vec<f32>>,
    /// What is added where experts are chosen, and not to what they count ([`Router::Sigmoid`]), `[experts]`.
    ///
    /// [`Router::Sigmoid`]: crate::weights::config::Router::Sigmoid
    pub choice_bias: Option<Vec<f32>>,
    /// The experts, by number.
    pub experts: Vec<NetworkWeights<M>>,
    /// What every token goes to besides.
    pub shared: Option<SharedWeights<M>>,
}

/// The weights of a network that every token goes to beside its experts, and of how much it counts there.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedWeights<M = Vec<f32>> {
    /// The network; its width is [`Experts::shared`].
    pub network: NetworkWeights<M>,
    /// Whose one output becomes a part between 0 and 1 by the sigmoid, `[1, h]`; always in f32. `None` where the network
    /// counts whole.
    pub gate: Option<M>,
}

impl<M> SharedWeights<M> {
    /// Its matrices, in the order in which they are packed.
    fn matrices(&self) -> impl Iterator<Item = &M> {
        self.network.matrices().into_iter().chain(&self.gate)
    }
}

impl<M> NetworkWeights<M> {
    fn matrices(&self) -> [&M; 3] {
        [&self.gate, &self.up, &self.down]
    }
}

impl<M> FeedForwardWeights<M> {
    /// The network that every token goes through, where there is one.
    pub fn dense(&self) -> Option<&NetworkWeights<M>> {
        match self {
            Self::Dense(network) => Some(network),
            Self::Mixture(_) => None,
        }
    }

    /// The same, to be changed.
    pub fn dense_mut(&mut self) -> Option<&mut NetworkWeights<M>> {
        match self {
            Self::Dense(network) => Some(network),
            Self::Mixture(_) => None,
        }
    }

    /// All networks, the experts by number.
    pub fn networks(&self) -> &[NetworkWeights<M>] {
        match self {
            Self::Dense(network) => std::slice::from_ref(network),
            Self::Mixture(mixture) => &mixture.experts,
        }
    }

    /// The same, to be changed.
    pub fn networks_mut(&mut self) -> &mut [NetworkWeights<M>] {
        match self {
            Self::Dense(network) => std::slice::from_mut(network),
            Self::Mixture(mixture) => &mut mixture.experts,
        }
    }

    /// What every token goes to beside its experts, where there is such a network.
    pub(crate) fn shared(&self) -> Option<&SharedWeights<M>> {
        match self {
            Self::Dense(_) => None,
            Self::Mixture(mixture) => mixture.shared.as_ref(),
        }
    }

    /// The matrices that every token is multiplied with, whichever experts it goes to, in the order in which they are
    /// packed.
    pub(crate) fn beside_experts(&self) -> impl Iterator<Item = &M> {
        let (router, dense) = match self {
            Self::Dense(network) => (None, Some(network)),
            Self::Mixture(mixture) => (Some(&mixture.router), None),
        };
        let shared = self.shared().into_iter().flat_map(SharedWeights::matrices);
        dense.into_iter().flat_map(NetworkWeights::matrices).chain(router).chain(shared)
    }

    /// All matrices, in the order in which they are packed.
    pub(crate) fn matrices(&self) -> impl Iterator<Item = &M> {
        let experts: &[NetworkWeights<M>] = match self {
            Self::Dense(_) => &[],
            Self::Mixture(mixture) => &mixture.experts,
        };
        experts.iter().flat_map(NetworkWeights::matrices).chain(self.beside_experts())
    }

    /// Whether it is what a config asks for in the layer of this index, but for the sizes of matrices.
    pub(super) fn is_of(&self, (config, index): (&ModelConfig, usize)) -> bool {
        let biased = config.switches.feed_forward_bias;
        let biases = self.networks().iter().all(|network| network.biases.is_some() == biased);
        match (self, config.switches.experts_of(index)) {
            (Self::Dense(_), None) => biases,
            (Self::Mixture(own), Some(how)) => {
                let router = own.router_bias.is_some() == biased;
                let choice = own.choice_bias.is_some() == config.switches.router.favours();
                let gated = how.shared.map(|_| !config.switches.whole_shared);
                let shared = own.shared.as_ref().map(|shared| shared.gate.is_some()) == gated;
                biases
                    && router
                    && choice
                    && shared
                    && own.how == how
                    && own.experts.len() == how.count
            }
            _ => false,
        }
    }

    /// That of the layer of this index, from `source`.
    pub(super) fn build(
        config: &ModelConfig,
        index: usize,
        source: &mut impl Source<M>,
    ) -> Result<Self, ModelError> {
        let h = config.hidden_size;
        let biased = config.switches.feed_forward_bias;
        let mut network = |under: &str, f: usize| -> Result<NetworkWeights<M>, ModelError> {
            let full = |part: &str| format!("model.layers.{index}.{under}.{part}");
            Ok(NetworkWeights {
                gate: source.matrix(&full("gate_proj.weight"), [f, h])?,
                up: source.matrix(&full("up_proj.weight"), [f, h])?,
                down: source.matrix(&full("down_proj.weight"), [h, f])?,
                biases: if biased {
                    Some([
                        source.vector(&full("gate_proj.bias"), f)?,
                        source.vector(&full("up_proj.bias"), f)?,
                        source.vector(&full("down_proj.bias"), h)?,
                    ])
                } else {
                    None
                },
            })
        };
        let Some(how) = config.switches.experts_of(index) else {
            return network("mlp", config.intermediate_size).map(Self::Dense);
        };
        // No capacity up front: their number is only a claim until they are read.
        let mut experts = Vec::new();
        for expert in 0..how.count {
            experts.push(network(&format!("mlp.experts.{expert}"), how.width)?);
        }
        let own = how.shared.map(|width| network("mlp.shared_expert", width)).transpose()?;
        let name = |kind: &str| format!("model.layers.{index}.mlp.gate.{kind}");
        let router = source.exact(&name("weight"), [how.count, h])?;
        let router_bias =
            if biased { Some(source.vector(&name("bias"), how.count)?) } else { None };
        let choice_bias = if config.switches.router.favours() {
            Some(source.vector(&name("e_score_correction_bias"), how.count)?)
        } else {
            None
        };
        let gate = if own.is_some() && !config.switches.whole_shared {
            let gate = format!("model.layers.{index}.mlp.shared_expert_gate.weight");
            Some(source.exact(&gate, [1, h])?)
        } else {
            None
        };
        let shared = own.map(|network| SharedWeights { network, gate });
        let mixture = MixtureWeights { how, router, router_bias, choice_bias, experts, shared };
        Ok(Self::Mixture(mixture))
    }
}

impl FeedForwardWeights {
    /// Calls `part` with the name within the layer, the shape and the values of every tensor, in the order in which
    /// [`Self::build`] asks for them.
    pub(super) fn each<'a>(
        &'a self,
        config: &ModelConfig,
        mut part: impl FnMut(&str, &[usize], &'a [f32]),
    ) {
        let h = config.hidden_size;
        let mut network = |under: &str, f: usize, network: &'a NetworkWeights| {
            part(&format!("{under}.gate_proj.weight"), &[f, h], &network.gate);
            part(&format!("{under}.up_proj.weight"), &[f, h], &network.up);
            part(&format!("{under}.down_proj.weight"), &[h, f], &network.down);
            if let Some([gate, up, down]) = &network.biases {
                part(&format!("{under}.gate_proj.bias"), &[f], gate);
                part(&format!("{under}.up_proj.bias"), &[f], up);
                part(&format!("{under}.down_proj.bias"), &[h], down);
            }
        };
        match self {
            Self::Dense(own) => network("mlp", config.intermediate_size, own),
            Self::Mixture(mixture) => {
                for (expert, own) in mixture.experts.iter().enumerate() {
                    network(&format!("mlp.experts.{expert}"), mixture.how.width, own);
                }
                if let (Some(shared), Some(width)) = (&mixture.shared, mixture.how.shared) {
                    network("mlp.shared_expert", width, &shared.network);
                }
                part("mlp.gate.weight", &[mixture.how.count, h], &mixture.router);
                if let Some(bias) = &mixture.router_bias {
                    part("mlp.gate.bias", &[mixture.how.count], bias);
                }
                if let Some(bias) = &mixture.choice_bias {
                    part("mlp.gate.e_score_correction_bias", &[mixture.how.count], bias);
                }
                if let Some(gate) = mixture.shared.as_ref().and_then(|own| own.gate.as_ref()) {
                    part("mlp.shared_expert_gate.weight", &[1, h], gate);
                }
            }
        }
    }

    /// The same with every matrix made over: see [`super::DecoderWeights::pack`].
    pub(super) fn pack<M>(
        self,
        config: &ModelConfig,
        pack: &impl Fn(&[f32], usize, bool) -> M,
    ) -> FeedForwardWeights<M> {
        let h = config.hidden_size;
        let network = |own: NetworkWeights, f: usize| NetworkWeights {
            gate: pack(&own.gate, h, false),
            up: pack(&own.up, h, false),
            down: pack(&own.down, f, false),
            biases: own.biases,
        };
        match self {
            Self::Dense(own) => FeedForwardWeights::Dense(network(own, config.intermediate_size)),
            Self::Mixture(mixture) => {
                let MixtureWeights { how, router, router_bias, choice_bias, experts, shared } =
                    mixture;
                // In the order of the matrices.
                let experts = experts.into_iter().map(|own| network(own, how.width)).collect();
                let router = pack(&router, h, true);
                let shared = shared.map(|shared| SharedWeights {
                    network: network(shared.network, how.shared.unwrap_or(how.width)),
                    gate: shared.gate.map(|gate| pack(&gate, h, true)),
                });
                FeedForwardWeights::Mixture(MixtureWeights {
                    how,
                    router,
                    router_bias,
                    choice_bias,
                    experts,
                    shared,
                })
            }
        }
    }
}
