//! The feed-forward part of a layer: one network for all rows, or experts with a router.
//!
//! The rows of a pass go through one network together. Through experts they go by expert: the router's logits are one
//! product in f32, each row chooses its experts ([`crate::exec::route`]), and the rows of each expert are multiplied
//! with its weights at once, all experts in one loop. So a pass reads the experts that it needs, each once, whatever
//! number of rows shares them. A row adds up what its experts give in the order of their numbers, and at last what the
//! network gives that all rows go through, where there is one.

use std::ops::Range;

use crate::exec::route::{Choice, Routes, choose};
use crate::kernels::{
    Input, Kinds, Matrix, Part, Stage, clamped_gate_all, gelu_gate_all, project, project_each,
    project_swiglu, project_swiglu_each, rms_norm, sigmoid_in_place, swish_gate_all,
};
use crate::weights::config::Activation;
use crate::weights::decoder::{FeedForwardWeights, MixtureWeights, NetworkWeights, SharedWeights};

use super::Native;

/// What the feed-forward part of a pass makes on the way, kept from layer to layer and from pass to pass.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// `[rows, f]`, or `[results, f]` of experts: what the last product reads.
    active: Vec<f32>,
    /// The same, where gates are no part of the product.
    gates: Vec<f32>,
    /// Router's logits, `[rows, experts]`.
    logits: Vec<f32>,
    /// `[rows, used]`.
    chosen: Vec<Choice>,
    /// What each expert gives for each of its rows, `[results, hidden]`.
    results: Vec<f32>,
    /// The numbers of all results.
    places: Vec<usize>,
    /// The expert of each result.
    owners: Vec<usize>,
    /// What the last product of the network that all rows go through reads.
    second: Input,
    /// What that network gives, `[rows, hidden]`.
    shared: Vec<f32>,
    /// How much it counts, `[rows]`.
    parts: Vec<f32>,
}

/// The forms of rows that the first products of a feed-forward part need.
pub(super) fn kinds(weights: &FeedForwardWeights<Matrix>) -> Kinds {
    let networks = weights.networks().iter().flat_map(|own| [&own.gate, &own.up]);
    let beside = weights.dense().is_none().then(|| weights.beside_experts());
    Kinds::of(networks.chain(beside.into_iter().flatten()))
}

impl Native {
    /// Adds to the stream what the last product of a block gives: with a bias, a norm, a factor where there are.
    pub(super) fn add(
        &self,
        (matrix, bias, norm): (&Matrix, Option<&Vec<f32>>, Option<&Vec<f32>>),
        input: &Input,
        block: &mut Vec<f32>,
        x: &mut [f32],
    ) {
        if bias.is_none() && norm.is_none() && self.config.switches.adds_plainly() {
            return project(&self.team, input, &[matrix], true, x);
        }
        block.resize(x.len(), 0.0);
        project(&self.team, input, &[matrix], false, block);
        self.join((bias, norm), block, x);
    }

    /// Adds to the stream what a block gives, `[rows, hidden]`.
    fn join(
        &self,
        (bias, norm): (Option<&Vec<f32>>, Option<&Vec<f32>>),
        block: &mut [f32],
        x: &mut [f32],
    ) {
        self.at(Stage::Join);
        #[expect(clippy::cast_possible_truncation, reason = "arithmetic is f32")]
        let scale = self.config.switches.residual_scale as f32;
        let hidden = self.config.hidden_size;
        let rows: Vec<_> = x.chunks_exact_mut(hidden).zip(block.chunks_exact_mut(hidden)).collect();
        self.team.each_of(rows, |_, (x, row)| {
            for (value, bias) in row.iter_mut().zip(bias.into_iter().flatten()) {
                *value += bias;
            }
            if let Some(norm) = norm {
                let copy = row.to_vec();
                rms_norm(&copy, norm, self.epsilon(), row);
            }
            for (x, value) in x.iter_mut().zip(row) {
                *x += scale * *value;
            }
        });
    }

    /// Adds to the stream what the feed-forward part gives for the rows of `input`, after `norm` if there is one. The
    /// input is another one then.
    pub(super) fn feed(
        &self,
        weights: &FeedForwardWeights<Matrix>,
        norm: Option<&Vec<f32>>,
        input: &mut Input,
        scratch: &mut Scratch,
        (block, x): (&mut Vec<f32>, &mut [f32]),
    ) {
        let rows = x.len() / self.config.hidden_size;
        match weights {
            FeedForwardWeights::Dense(network) => {
                let f = self.config.intermediate_size;
                scratch.active.resize(rows * f, 0.0);
                let Scratch { active, gates, .. } = scratch;
                self.gated(network, f, input, gates, active);
                self.at(Stage::Packing);
                input.copy(&self.team, Kinds::of([&network.down]), active, f);
                self.at(Stage::Down);
                let bias = network.biases.as_ref().map(|[_, _, down]| down);
                self.add((&network.down, bias, norm), input, block, x);
            }
            FeedForwardWeights::Mixture(mixture) => {
                block.resize(x.len(), 0.0);
                self.mixture(mixture, rows, input, scratch, block);
                self.join((None, norm), block, x);
            }
        }
    }

    /// One network's gated rows `[rows, f]`.
    fn gated(
        &self,
        network: &NetworkWeights<Matrix>,
        f: usize,
        input: &Input,
        gates: &mut Vec<f32>,
        active: &mut [f32],
    ) {
        self.at(Stage::GateUp);
        let NetworkWeights { gate, up, .. } = network;
        if self.plainly_gated() {
            return project_swiglu(&self.team, input, gate, up, active);
        }
        gates.resize(active.len(), 0.0);
        project(&self.team, input, &[gate], false, gates);
        project(&self.team, input, &[up], false, active);
        self.gate(|_| network, f, gates, active);
    }

    /// Whether gates are a part of their product.
    fn plainly_gated(&self) -> bool {
        let switches = &self.config.switches;
        switches.activation == Activation::Silu && !switches.feed_forward_bias
    }

    /// Gates rows of this width: `up = activation(gate) * up`, with the biases of each row's network before where there
    /// are.
    fn gate<'a>(
        &self,
        network: impl Fn(usize) -> &'a NetworkWeights<Matrix> + Sync,
        f: usize,
        gates: &mut [f32],
        active: &mut [f32],
    ) {
        self.at(Stage::Activation);
        let rows: Vec<_> = gates.chunks_exact_mut(f).zip(active.chunks_exact_mut(f)).collect();
        self.team.each_of(rows, |row, (gate, up)| {
            if let Some([of_gate, of_up, _]) = &network(row).biases {
                for (values, biases) in [(&mut *gate, of_gate), (&mut *up, of_up)] {
                    values.iter_mut().zip(biases).for_each(|(value, bias)| *value += bias);
                }
            }
            match self.config.switches.activation {
                Activation::Silu => swish_gate_all(gate, up),
                Activation::GeluTanh => gelu_gate_all(gate, up),
                #[expect(clippy::cast_possible_truncation, reason = "arithmetic is f32")]
                Activation::Clamped { slope, limit } => {
                    clamped_gate_all(gate, up, slope as f32, limit as f32);
                }
            }
        });
    }

    /// What the experts of each row give, weighted and added up, `[rows, hidden]`.
    fn mixture(
        &self,
        mixture: &MixtureWeights<Matrix>,
        rows: usize,
        input: &mut Input,
        scratch: &mut Scratch,
        block: &mut [f32],
    ) {
        let MixtureWeights { how, router, router_bias, choice_bias, experts, shared } = mixture;
        let kind = self.config.switches.router;
        if let Some(shared) = shared {
            self.shared(shared, rows, input, scratch);
        }
        self.at(Stage::Router);
        let Scratch { active, gates, logits, chosen, results, places, owners, .. } = scratch;
        logits.resize(rows * how.count, 0.0);
        project(&self.team, input, &[router], false, logits);
        chosen.resize(rows * how.used, (0, 0.0));
        let each: Vec<_> =
            logits.chunks_exact_mut(how.count).zip(chosen.chunks_exact_mut(how.used)).collect();
        self.team.each_of(each, |_, (logits, chosen)| {
            for (logit, bias) in logits.iter_mut().zip(router_bias.iter().flatten()) {
                *logit += bias;
            }
            choose(logits, choice_bias.as_deref(), (*how, kind), chosen);
        });
        let routes = Routes::new(*how, chosen);
        owners.clear();
        for (expert, own) in &routes.groups {
            owners.resize(own.end, *expert);
        }

        self.at(Stage::GateUp);
        let count = routes.rows.len();
        active.resize(count * how.width, 0.0);
        if self.plainly_gated() {
            let pairs = routes.groups.iter().map(|(expert, own)| Part {
                rows: &routes.rows[own.clone()],
                weights: [&experts[*expert].gate, &experts[*expert].up],
            });
            project_swiglu_each(&self.team, input, &pairs.collect::<Vec<_>>(), active);
        } else {
            let parts = |of: fn(&NetworkWeights<Matrix>) -> &Matrix| -> Vec<_> {
                let part = |(expert, own): &(usize, Range<usize>)| Part {
                    rows: &routes.rows[own.clone()],
                    weights: of(&experts[*expert]),
                };
                routes.groups.iter().map(part).collect()
            };
            gates.resize(active.len(), 0.0);
            project_each(&self.team, input, &parts(|own| &own.gate), gates);
            project_each(&self.team, input, &parts(|own| &own.up), active);
            self.gate(|place| &experts[owners[place]], how.width, gates, active);
        }

        self.at(Stage::Packing);
        let kinds = Kinds::of(routes.groups.iter().map(|(expert, _)| &experts[*expert].down));
        input.copy(&self.team, kinds, active, how.width);
        self.at(Stage::Down);
        results.resize(count * self.config.hidden_size, 0.0);
        places.clear();
        places.extend(0..count);
        let parts = routes.groups.iter().map(|(expert, own)| Part {
            rows: &places[own.clone()],
            weights: &experts[*expert].down,
        });
        project_each(&self.team, input, &parts.collect::<Vec<_>>(), results);
        self.at(Stage::Join);
        if self.config.switches.feed_forward_bias {
            let rows = results.chunks_exact_mut(self.config.hidden_size).collect();
            self.team.each_of(rows, |place, row: &mut [f32]| {
                let biases = experts[owners[place]].biases.iter().flat_map(|[_, _, down]| down);
                row.iter_mut().zip(biases).for_each(|(value, bias)| *value += bias);
            });
        }
        self.gather(&routes, results, block);
        if shared.is_some() {
            let hidden = self.config.hidden_size;
            let own = scratch.shared.chunks_exact(hidden).zip(&scratch.parts);
            let rows: Vec<_> = block.chunks_exact_mut(hidden).zip(own).collect();
            self.team.each_of(rows, |_, (out, (own, part))| {
                out.iter_mut().zip(own).for_each(|(out, value)| *out += part * value);
            });
        }
    }

    /// What the network gives that all rows go through, and how much it counts: `parts` and `shared` of the scratch.
    fn shared(
        &self,
        SharedWeights { network, gate }: &SharedWeights<Matrix>,
        rows: usize,
        input: &Input,
        scratch: &mut Scratch,
    ) {
        let Scratch { active, gates, second, shared, parts, .. } = scratch;
        self.at(Stage::Router);
        parts.clear();
        parts.resize(rows, 1.0);
        if let Some(gate) = gate {
            project(&self.team, input, &[gate], false, parts);
            sigmoid_in_place(parts);
        }
        let width = network.gate.outputs();
        active.resize(rows * width, 0.0);
        self.gated(network, width, input, gates, active);
        self.at(Stage::Packing);
        second.copy(&self.team, Kinds::of([&network.down]), active, width);
        self.at(Stage::Down);
        shared.resize(rows * self.config.hidden_size, 0.0);
        project(&self.team, second, &[&network.down], false, shared);
        if let Some([_, _, down]) = &network.biases {
            for row in shared.chunks_exact_mut(self.config.hidden_size) {
                row.iter_mut().zip(down).for_each(|(value, bias)| *value += bias);
            }
        }
    }

    /// Adds up the results of each row, in the order of the experts' numbers.
    fn gather(&self, routes: &Routes, results: &[f32], block: &mut [f32]) {
        let hidden = self.config.hidden_size;
        let rows = block.chunks_exact_mut(hidden).collect();
        self.team.each_of(rows, |row, out: &mut [f32]| {
            out.fill(0.0);
            for &(place, part) in routes.of_row(row) {
                let result = &results[place * hidden..(place + 1) * hidden];
                for (out, value) in out.iter_mut().zip(result) {
                    *out += part * value;
                }
            }
        });
    }
}
