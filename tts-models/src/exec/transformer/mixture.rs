//! Experts in the place of one feed-forward network, and the block that is either.
//!
//! The router's logits are read back, and the choice is made as on own kernels (`exec::route`). The rows of each expert
//! then go through it together; for each row its results are picked out, weighted and added in the order of the
//! experts' numbers, so that a row has the same bits whatever runs beside it. Nothing is learnt here: the choice
//! passes no gradient on, and trainers refuse mixtures.
//!
//! Shazeer et al. 2017, arXiv:1701.06538, section 2.1, without noise.

use std::ops::Range;

use burn::module::Module;
use burn::tensor::activation::sigmoid;
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

use super::{FeedForward, Projection};
use crate::exec::route::{Routes, choose};
use crate::weights::config::{Experts, Router};
use crate::weights::decoder::{FeedForwardWeights, MixtureWeights, SharedWeights};
use crate::{ModelConfig, ModelError};

/// The feed-forward block of a layer.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "one a layer; Burn derives modules of no boxes")]
pub enum FeedForwardBlock<B: Backend> {
    /// One network, that every row goes through.
    Dense(FeedForward<B>),
    /// Many, of which each row goes through some.
    Mixture(Mixture<B>),
}

/// Experts, and the router that chooses among them.
#[derive(Module, Debug)]
pub struct Mixture<B: Backend> {
    /// `hidden` to a logit for every expert.
    pub router: Projection<B>,
    /// The experts, by number.
    pub experts: Vec<FeedForward<B>>,
    /// What every row goes through besides.
    pub shared: Option<FeedForward<B>>,
    /// `hidden` to one number, whose sigmoid says how much that counts; without one it counts whole.
    pub shared_gate: Option<Projection<B>>,
    /// What is added where experts are chosen, and not to what they count.
    #[module(skip)]
    pub choice_bias: Option<Vec<f32>>,
    /// How the router chooses.
    #[module(skip)]
    pub how: Experts,
    /// What the router makes of its logits.
    #[module(skip)]
    pub kind: Router,
}

impl<B: Backend> FeedForwardBlock<B> {
    /// Moves the weights of a block to a device.
    ///
    /// # Errors
    /// When one does not have the size that the config demands.
    pub fn new(
        weights: FeedForwardWeights,
        config: &ModelConfig,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        match weights {
            FeedForwardWeights::Dense(network) => {
                let inner = config.intermediate_size;
                FeedForward::new(network, (config, inner), device).map(Self::Dense)
            }
            FeedForwardWeights::Mixture(mixture) => {
                Mixture::new(mixture, config, device).map(Self::Mixture)
            }
        }
    }

    /// The weights, as [`FeedForwardBlock::new`] takes them.
    ///
    /// # Errors
    /// When the device does not give them back.
    pub fn weights(&self) -> Result<FeedForwardWeights, ModelError> {
        match self {
            Self::Dense(network) => network.weights().map(FeedForwardWeights::Dense),
            Self::Mixture(mixture) => mixture.weights().map(FeedForwardWeights::Mixture),
        }
    }

    /// Maps rows `[rows, hidden]` to `[rows, hidden]`.
    pub fn forward(&self, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        match self {
            Self::Dense(network) => network.forward(rows),
            Self::Mixture(mixture) => mixture.forward(&rows),
        }
    }
}

impl<B: Backend> Mixture<B> {
    /// Moves the weights of a router and of experts to a device.
    ///
    /// # Errors
    /// When one does not have the size that the config demands, or there are more or fewer experts than the router
    /// has outputs.
    pub fn new(
        MixtureWeights { how, router, router_bias, choice_bias, experts, shared }: MixtureWeights,
        config: &ModelConfig,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        if experts.len() != how.count || how.used == 0 || how.used > how.count {
            let problem = format!("{} with {} of {} used", experts.len(), how.used, how.count);
            return Err(ModelError::input("experts", problem));
        }
        if let Some(bias) = choice_bias.as_ref().filter(|bias| bias.len() != how.count) {
            let problem = format!("{} values for {} experts", bias.len(), how.count);
            return Err(ModelError::input("choice_bias", problem));
        }
        let network = |own, inner: usize| FeedForward::new(own, (config, inner), device);
        let experts = experts.into_iter().map(|own| network(own, how.width));
        let (shared, gate) = shared.map(|own| (own.network, own.gate)).unzip();
        let width = how.shared.unwrap_or(0);
        let one = [1, config.hidden_size];
        Ok(Self {
            router: Projection::new(
                "router",
                router,
                router_bias,
                [how.count, config.hidden_size],
                device,
            )?,
            experts: experts.collect::<Result<_, _>>()?,
            shared: shared.map(|own| network(own, width)).transpose()?,
            shared_gate: gate
                .flatten()
                .map(|gate| Projection::new("shared gate", gate, None, one, device))
                .transpose()?,
            choice_bias,
            how,
            kind: config.switches.router,
        })
    }

    /// The weights, as [`Mixture::new`] takes them.
    ///
    /// # Errors
    /// When the device does not give them back.
    pub fn weights(&self) -> Result<MixtureWeights, ModelError> {
        let (router, router_bias) = self.router.weights()?;
        let experts = self.experts.iter().map(FeedForward::weights);
        let experts = experts.collect::<Result<_, ModelError>>()?;
        let gate = self.shared_gate.as_ref().map(Projection::weights).transpose()?;
        let gate = gate.map(|(gate, _)| gate);
        let shared = match &self.shared {
            Some(network) => Some(SharedWeights { network: network.weights()?, gate }),
            None => None,
        };
        let (how, choice_bias) = (self.how, self.choice_bias.clone());
        Ok(MixtureWeights { how, router, router_bias, choice_bias, experts, shared })
    }

    /// Maps rows `[rows, hidden]` to `[rows, hidden]`.
    pub fn forward(&self, rows: &Tensor<B, 2>) -> Tensor<B, 2> {
        let (device, how) = (rows.device(), self.how);
        let logits = self.router.forward(rows.clone()).into_data(); // [rows, experts]
        let mut logits: Vec<f32> = logits.iter::<f32>().collect();
        let count = logits.len() / how.count;
        let mut chosen = vec![(0, 0.0); count * how.used];
        let places = chosen.chunks_exact_mut(how.used);
        for (logits, chosen) in logits.chunks_exact_mut(how.count).zip(places) {
            choose(logits, self.choice_bias.as_deref(), (how, self.kind), chosen);
        }
        let routes = Routes::new(how, &chosen);
        let of_expert = |(expert, own): &(usize, Range<usize>)| {
            let own = indices(routes.rows[own.clone()].iter().copied(), &device);
            self.experts[*expert].forward(rows.clone().select(0, own)) // [its rows, hidden]
        };
        let results: Vec<Tensor<B, 2>> = routes.groups.iter().map(of_expert).collect();
        let results = Tensor::cat(results, 0); // [results, hidden]
        let mut sum: Tensor<B, 2> = rows.zeros_like(); // [rows, hidden]
        for rank in 0..how.used {
            let of_rank = (0..count).map(|row| routes.of_row(row)[rank]);
            let places = indices(of_rank.clone().map(|(place, _)| place), &device);
            let parts: Vec<f32> = of_rank.map(|(_, part)| part).collect();
            let parts = Tensor::from_data(TensorData::new(parts, [count, 1]), &device); // [rows, 1]
            sum = sum + results.clone().select(0, places) * parts; // [rows, hidden]
        }
        if let Some(shared) = &self.shared {
            let own = shared.forward(rows.clone()); // [rows, hidden]
            sum = sum
                + match &self.shared_gate {
                    Some(gate) => own * sigmoid(gate.forward(rows.clone())), // times [rows, 1]
                    None => own,
                };
        }
        sum
    }
}

/// Row numbers as a tensor.
fn indices<B: Backend>(rows: impl Iterator<Item = usize>, device: &B::Device) -> Tensor<B, 1, Int> {
    let rows: Vec<i64> = rows.map(|row| i64::try_from(row).unwrap_or(i64::MAX)).collect();
    let count = rows.len();
    Tensor::from_data(TensorData::new(rows, [count]), device) // [rows]
}
