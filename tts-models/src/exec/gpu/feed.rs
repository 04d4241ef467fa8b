//! The feed-forward part of a layer: one network for all rows, or experts with a router.
//!
//! Gates and values are stacked in turns of 16, so that each pair meets in one cube. Of experts every matrix of a kind is
//! a part of one ([`Product::split`]). The router's logits come back to the host, where each row chooses its experts as on
//! every executor ([`crate::exec::route`]); this is the one place where a pass waits for the device within a layer. The
//! results of an expert lie side by side and go through its weights together, and each row adds up its own in the order
//! of the experts' numbers, then what the network gives that all rows go through.

use cubecl::Runtime;

use super::weights::{Layer, Stored, matrix_of};
use super::{Gpu, Scratch, narrow, stripped};
use crate::exec::route::{Routes, choose};
use crate::kernels::gpu::{
    Buffer, Device, Finish, Gating, PANEL, Product, Routed, Tiles, add, add_gated, combine, gate,
    norm, product, product_routed, shift, shift_each,
};
use crate::weights::config::{Activation, Experts};
use crate::weights::decoder::{FeedForwardWeights, MixtureWeights, NetworkWeights, SharedWeights};
use crate::{ModelConfig, ModelError};

/// The feed-forward part of a layer on a device.
#[derive(Debug)]
pub(super) enum Feed {
    /// One network, that every row goes through.
    Dense(Box<Network>),
    /// Many, of which each row goes through some.
    Mixture(Box<Mixture>),
}

/// One gated network, or all experts of a layer.
#[derive(Debug)]
pub(super) struct Network {
    gate_up: Product,
    down: Product,
    /// Biases in the turns of the product, `[parts, gates and values]`, and of the second one, `[parts, hidden]`.
    biases: Option<[Buffer; 2]>,
}

/// Experts, and the router that chooses among them.
#[derive(Debug)]
pub(super) struct Mixture {
    how: Experts,
    router: Product,
    router_bias: Option<Vec<f32>>,
    choice_bias: Option<Vec<f32>>,
    experts: Network,
    /// What every row goes through besides, and whose output says how much that counts.
    shared: Option<(Network, Option<Product>)>,
}

impl Feed {
    /// Moves the weights of a layer to a device.
    pub(super) fn upload<R: Runtime>(
        device: &Device<R>,
        config: &ModelConfig,
        weights: FeedForwardWeights<Stored>,
    ) -> Result<Self, ModelError> {
        let h = config.hidden_size;
        let mixture = match weights {
            FeedForwardWeights::Dense(network) => {
                let shape = (h, config.intermediate_size);
                let network = Network::upload(device, vec![network], shape)?;
                return Ok(Self::Dense(Box::new(network)));
            }
            FeedForwardWeights::Mixture(mixture) => mixture,
        };
        let MixtureWeights { how, router, router_bias, choice_bias, experts, shared } = mixture;
        let single = |name: &str, matrix: Stored, rows: usize| {
            matrix_of(device, h, vec![(name, matrix, rows)], rows, |output| (0, output))
        };
        let shared = match shared {
            Some(SharedWeights { network, gate }) => {
                let shape = (h, how.shared.unwrap_or(how.width));
                let gate = gate.map(|gate| single("shared gate", gate, 1)).transpose()?;
                Some((Network::upload(device, vec![network], shape)?, gate))
            }
            None => None,
        };
        let router = single("router", router, how.count)?;
        let experts = Network::upload(device, experts, (h, how.width))?;
        let own = Mixture { how, router, router_bias, choice_bias, experts, shared };
        Ok(Self::Mixture(Box::new(own)))
    }

    /// The product of each matrix, in the order of `DecoderWeights::pack`.
    pub(super) fn products(&self) -> Vec<&Product> {
        let of = Network::products;
        let mixture = match self {
            Self::Dense(network) => return of(network.as_ref()).to_vec(),
            Self::Mixture(mixture) => mixture,
        };
        let Mixture { how, router, experts, shared, .. } = &**mixture;
        let mut all = of(experts).repeat(how.count);
        all.push(router);
        if let Some((network, gate)) = shared {
            all.extend(of(network).into_iter().chain(gate));
        }
        all
    }
}

impl Network {
    /// The products of gates, values and the outputs of one part.
    fn products(&self) -> [&Product; 3] {
        [&self.gate_up, &self.gate_up, &self.down]
    }

    /// Moves networks of `(hidden, inner)` to a device: one, or one for each part.
    fn upload<R: Runtime>(
        device: &Device<R>,
        networks: Vec<NetworkWeights<Stored>>,
        (hidden, inner): (usize, usize),
    ) -> Result<Self, ModelError> {
        let parts = networks.len();
        let (both, wide) = (2 * inner.next_multiple_of(PANEL), hidden.next_multiple_of(PANEL));
        // Of an output of a part: whether it is a gate or a value, and of which row.
        let turns = |output: usize| {
            let (panel, lane) = (output / PANEL, output % PANEL);
            (lane / (PANEL / 2), panel * (PANEL / 2) + lane % (PANEL / 2))
        };
        let (mut pairs, mut downs) = (Vec::new(), Vec::new());
        let mut biases: [Vec<f32>; 2] = Default::default();
        for NetworkWeights { gate, up, down, biases: own } in networks {
            pairs.extend([("gate", gate, inner), ("up", up, inner)]);
            downs.push(("down", down, hidden));
            if let Some([gate, up, mut down]) = own {
                let of = |output: usize| {
                    let (which, row) = turns(output);
                    [&gate, &up][which].get(row).copied().unwrap_or_default()
                };
                biases[0].extend((0..both).map(of));
                down.resize(wide, 0.0);
                biases[1].extend(down);
            }
        }
        let gate_up = matrix_of(device, hidden, pairs, parts * both, |output| {
            let (which, row) = turns(output % both);
            (2 * (output / both) + which, row)
        })?;
        let down =
            matrix_of(device, inner, downs, parts * wide, |output| (output / wide, output % wide))?;
        let biases = if biases[0].is_empty() {
            None
        } else {
            Some([device.floats(&biases[0])?, device.floats(&biases[1])?])
        };
        Ok(Self { gate_up: gate_up.split(parts), down: down.split(parts), biases })
    }
}

impl<R: Runtime> Gpu<R> {
    /// Whether any block's result is not added as it is.
    pub(super) fn joins(&self) -> bool {
        let switches = &self.config.switches;
        let biases = switches.output_bias || switches.feed_forward_bias;
        !switches.adds_plainly() || biases || switches.experts.is_some()
    }

    /// What gates the feed-forward layer, where that is no part of its product.
    pub(super) fn gating(&self) -> Option<Gating> {
        let switches = &self.config.switches;
        match switches.activation {
            Activation::GeluTanh => Some(Gating::GeluTanh),
            Activation::Clamped { slope, limit } => {
                Some(Gating::Clamped { slope: narrow(slope), limit: narrow(limit) })
            }
            Activation::Silu if switches.feed_forward_bias => Some(Gating::Silu),
            Activation::Silu => None,
        }
    }

    /// Adds to the stream what the last product of a block gives: with a bias, a norm, a factor where there are.
    pub(super) fn add(
        &self,
        (input, weights, bias): (&Buffer, &Product, Option<&Buffer>),
        after: Option<&Buffer>,
        rows: usize,
        scratch: &Scratch,
    ) {
        let (device, Scratch { x, block, .. }) = (&self.device, scratch);
        if bias.is_none() && self.config.switches.adds_plainly() {
            return product(device, input, weights, rows, Finish::Add, x);
        }
        product(device, input, weights, rows, Finish::Store, block);
        if let Some(bias) = bias {
            shift(device, block, bias, rows);
        }
        self.join(after, rows, scratch);
    }

    /// Adds to the stream what a block gave: `block` of the scratch.
    fn join(&self, after: Option<&Buffer>, rows: usize, scratch: &Scratch) {
        let (device, Scratch { x, normed, block, .. }) = (&self.device, scratch);
        let (mut given, hidden) = (block, self.config.hidden_size);
        if let Some(weight) = after {
            norm(device, block, weight, None, rows, hidden, self.epsilon(), normed);
            given = normed;
        }
        let factor = narrow(self.config.switches.residual_scale);
        add(device, x, given, factor, rows * hidden.next_multiple_of(PANEL));
    }

    /// Adds to the stream what the feed-forward part of a layer gives for rows.
    ///
    /// # Errors
    /// When the device fails, or has no room for what experts give.
    pub(super) fn feed(
        &self,
        layer: &Layer,
        input: &Buffer,
        rows: usize,
        scratch: &Scratch,
    ) -> Result<(), ModelError> {
        let after = self.after(layer, 1);
        match &layer.feed_forward {
            Feed::Dense(network) => {
                self.gated(network, input, rows, &scratch.pairs, &scratch.active);
                let bias = network.biases.as_ref().map(|[_, down]| down);
                self.add((&scratch.active, &network.down, bias), after, rows, scratch);
            }
            Feed::Mixture(mixture) => {
                self.mixture(mixture, input, rows, &scratch.block)?;
                self.join(after, rows, scratch);
            }
        }
        Ok(())
    }

    /// One network's gated rows, by way of `pairs` where gates are no part of the product.
    fn gated(
        &self,
        Network { gate_up, biases, .. }: &Network,
        input: &Buffer,
        rows: usize,
        pairs: &Buffer,
        active: &Buffer,
    ) {
        let device = &self.device;
        let Some(gating) = self.gating() else {
            return product(device, input, gate_up, rows, Finish::Gate, active);
        };
        product(device, input, gate_up, rows, Finish::Store, pairs);
        if let Some([bias, _]) = biases {
            shift(device, pairs, bias, rows);
        }
        gate(device, pairs, gating, (rows, gate_up.width()), active);
    }

    /// What the experts of each row give, weighted and added up, `[rows, hidden]`.
    fn mixture(
        &self,
        mixture: &Mixture,
        input: &Buffer,
        rows: usize,
        block: &Buffer,
    ) -> Result<(), ModelError> {
        let Mixture { how, experts, shared, .. } = mixture;
        let Network { gate_up, down, biases } = experts;
        let device = &self.device;
        let routes = self.routes(mixture, input, rows)?;
        let results = routes.rows.len();
        let Tiles { table, tile } = Tiles::new(&routes.groups);
        let tiles = device.integers(&table)?;
        let numbers = |of: &mut dyn Iterator<Item = usize>| {
            let of: Vec<u32> = of.map(|number| u32::try_from(number).unwrap_or(u32::MAX)).collect();
            device.integers(&of)
        };
        let sources = numbers(&mut routes.rows.iter().copied())?;
        let own = numbers(&mut (0..results))?;
        let count = table.len() / 3;
        let through = |rows, sources| Routed {
            tiles: &tiles,
            count,
            tile,
            rows,
            sources,
            results,
            parts: how.count,
        };
        let owners = match biases {
            Some(_) => {
                let of = |(expert, own): &(usize, std::ops::Range<usize>)| {
                    std::iter::repeat_n(*expert, own.len())
                };
                Some(numbers(&mut routes.groups.iter().flat_map(of))?)
            }
            None => None,
        };
        let shift_by = |which: usize, x: &Buffer| {
            if let (Some(biases), Some(owners)) = (biases, &owners) {
                shift_each(device, x, (&biases[which], how.count), owners, results);
            }
        };

        let active = device.empty(results * gate_up.width() / 2)?;
        let first = through(&sources, rows);
        match self.gating() {
            None => product_routed(device, input, gate_up, &first, Finish::Gate, &active),
            Some(gating) => {
                let pairs = device.empty(results * gate_up.width())?;
                product_routed(device, input, gate_up, &first, Finish::Store, &pairs);
                shift_by(0, &pairs);
                gate(device, &pairs, gating, (results, gate_up.width()), &active);
            }
        }
        let given = device.empty(results * down.width())?;
        product_routed(device, &active, down, &through(&own, results), Finish::Store, &given);
        shift_by(1, &given);

        let of_rows = (0..rows).flat_map(|row| routes.of_row(row));
        let places = numbers(&mut of_rows.clone().map(|(place, _)| *place))?;
        let parts = device.floats(&of_rows.map(|(_, part)| *part).collect::<Vec<_>>())?;
        combine(device, &given, [&places, &parts], (rows, how.used, down.width()), block);
        match shared {
            Some(shared) => self.shared(shared, input, rows, block),
            None => Ok(()),
        }
    }

    /// Which experts each row goes to. Waits for the device.
    fn routes(&self, mixture: &Mixture, input: &Buffer, rows: usize) -> Result<Routes, ModelError> {
        let Mixture { how, router, router_bias, choice_bias, .. } = mixture;
        let device = &self.device;
        let logits = device.empty(rows * router.width())?;
        product(device, input, router, rows, Finish::Store, &logits);
        let padded = device.read(logits)?;
        let mut logits: Vec<f32> = stripped(&padded, rows, how.count).collect();
        let mut chosen = vec![(0, 0.0); rows * how.used];
        let kind = (*how, self.config.switches.router);
        let places = chosen.chunks_exact_mut(how.used);
        for (logits, chosen) in logits.chunks_exact_mut(how.count).zip(places) {
            for (logit, bias) in logits.iter_mut().zip(router_bias.iter().flatten()) {
                *logit += bias;
            }
            choose(logits, choice_bias.as_deref(), kind, chosen);
        }
        Ok(Routes::new(*how, &chosen))
    }

    /// Adds to `block` what the network gives that every row goes through.
    fn shared(
        &self,
        (network, gate): &(Network, Option<Product>),
        input: &Buffer,
        rows: usize,
        block: &Buffer,
    ) -> Result<(), ModelError> {
        let (device, Network { gate_up, down, biases }) = (&self.device, network);
        let active = device.empty(rows * gate_up.width() / 2)?;
        let pairs =
            device.empty(if self.gating().is_some() { rows * gate_up.width() } else { 0 })?;
        self.gated(network, input, rows, &pairs, &active);
        let given = device.empty(rows * down.width())?;
        product(device, &active, down, rows, Finish::Store, &given);
        if let Some([_, bias]) = biases {
            shift(device, &given, bias, rows);
        }
        let Some(gate) = gate else {
            add(device, block, &given, 1.0, rows * down.width());
            return Ok(());
        };
        let gates = device.empty(rows * gate.width())?;
        product(device, input, gate, rows, Finish::Store, &gates);
        add_gated(device, block, &given, (&gates, gate.width()), (rows, down.width()));
        Ok(())
    }
}
