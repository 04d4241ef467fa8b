//! A population of weighted paths in motion: what particle filters and particle Gibbs share.

use tts_core::seed::Rng;
use tts_core::{Expand, NodeId, Tree, View};

use super::filter::{ParticleFilter, Weights};
use super::weights::{effective_sample_size, relative};

/// A path and what it weighs.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Particle {
    node: NodeId,
    /// Logarithm of its share of the whole weight.
    log_weight: f64,
    /// The logarithm of its potential, over the temperature, that its weight holds already.
    potential: f64,
}

/// The population.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Cloud {
    /// Those at hand; while lines are written, those that wait for the others.
    particles: Vec<Particle>,
    /// One for each of the last decisions.
    asked: Vec<Particle>,
    /// A path that is kept whatever happens: the first of the particles goes along it.
    reference: Vec<NodeId>,
    step: usize,
    /// Logarithm of the mean weight, all steps multiplied.
    pub(super) log_evidence: f64,
}

impl Cloud {
    /// A population at the root, and its first decision.
    pub(super) fn start(filter: &ParticleFilter, reference: Vec<NodeId>) -> (Self, Vec<Expand>) {
        let log_weight = -(filter.n as f64).ln();
        let particle = Particle { node: NodeId::ROOT, log_weight, potential: 0.0 };
        let kept = usize::from(!reference.is_empty());
        let particles = vec![particle; kept];
        let cloud = Self { particles, asked: vec![particle], reference, ..Self::default() };
        (cloud, vec![Expand::step(NodeId::ROOT, filter.n - kept)])
    }

    /// Takes the fresh leaves up, and decides; nothing once all particles are at their ends.
    pub(super) fn advance(&mut self, filter: &ParticleFilter, view: &mut View<'_>) -> Vec<Expand> {
        self.gather(view);
        loop {
            self.step += 1;
            if let Some(place) = self.reference.len().checked_sub(1) {
                self.particles[0].node = self.reference[place.min(self.step - 1)];
            }
            self.weigh(filter, view.tree());
            if self.is_settled(view.tree()) {
                return Vec::new();
            }
            self.resample(filter, view.rng());
            let wanted = self.part(view.tree());
            if !wanted.is_empty() {
                return wanted;
            }
            // Only the reference has not come to its end: somebody may still join it.
        }
    }

    /// Finished particles and their shares of the weight.
    pub(super) fn finished(&self, tree: &Tree) -> Vec<(NodeId, f64)> {
        let done =
            |particle: &&Particle| tree.get(particle.node).is_some_and(tts_core::Node::is_finished);
        let done = self.particles.iter().filter(done);
        let weights = relative(done.clone().map(|particle| particle.log_weight));
        let sum: f64 = weights.iter().sum();
        done.zip(weights).map(|(particle, weight)| (particle.node, weight / sum)).collect()
    }

    /// Nodes and shares of all particles at hand.
    pub(super) fn all(&self) -> impl Iterator<Item = (NodeId, f64)> {
        self.particles.iter().map(|particle| (particle.node, particle.log_weight.exp()))
    }

    /// A line that failed, and a path that a limit closed, are gone with their weight.
    fn gather(&mut self, view: &View<'_>) {
        let asked = std::mem::take(&mut self.asked);
        for (&node, &origin) in view.fresh().iter().zip(view.origin()) {
            let lives = view.tree()[node].open || view.tree()[node].is_finished();
            if let (true, Some(&parent)) = (lives, asked.get(origin)) {
                self.particles.push(Particle { node, ..parent });
            }
        }
    }

    fn weigh(&mut self, filter: &ParticleFilter, tree: &Tree) {
        let potentials: Vec<Option<f64>> = self
            .particles
            .iter()
            .map(|particle| filter.potential_of(tree, particle.node))
            .collect();
        let judged = potentials.iter().any(Option::is_some);
        let weights = |temperature: f64| -> Vec<(f64, f64)> {
            let weigh = |(particle, potential): (&Particle, &Option<f64>)| {
                let now = potential.map(|log| log / (filter.temperature * temperature));
                match (filter.weights, now) {
                    (Weights::Ratio, Some(now)) => {
                        (particle.log_weight + now - particle.potential, now)
                    }
                    (Weights::Ratio, None) => (particle.log_weight, particle.potential),
                    (Weights::Score, Some(now)) => (now, now),
                    // What was not judged weighs nothing, unless nothing was.
                    (Weights::Score, None) if judged => (f64::NEG_INFINITY, 0.0),
                    (Weights::Score, None) => (0.0, 0.0),
                }
            };
            self.particles.iter().zip(&potentials).map(weigh).collect()
        };
        let mut weighed = weights(1.0);
        if let Some(anneal) = filter.anneal {
            let plain = relative(weighed.iter().map(|weight| weight.0));
            let share = effective_sample_size(&plain) / filter.n as f64;
            weighed = weights(anneal.temperature(share, self.step));
        }
        for (particle, (weight, potential)) in self.particles.iter_mut().zip(weighed) {
            (particle.log_weight, particle.potential) = (weight, potential);
        }
        let most = self.particles.iter().map(|p| p.log_weight).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = relative(self.particles.iter().map(|p| p.log_weight)).iter().sum();
        let log_sum = if most.is_finite() { most + sum.ln() } else { f64::NEG_INFINITY };
        self.log_evidence += log_sum;
        for particle in &mut self.particles {
            particle.log_weight -= if log_sum.is_finite() { log_sum } else { 0.0 };
        }
    }

    fn is_settled(&self, tree: &Tree) -> bool {
        let free = usize::from(!self.reference.is_empty());
        self.step >= self.reference.len()
            && self.particles.iter().skip(free).all(|particle| !tree[particle.node].open)
    }

    fn resample(&mut self, filter: &ParticleFilter, rng: &mut Rng) {
        let weights = relative(self.particles.iter().map(|particle| particle.log_weight));
        let enough = filter.resample_below * filter.n as f64;
        if filter.resample_below < 1.0 && effective_sample_size(&weights) >= enough {
            return;
        }
        let counts = if self.reference.is_empty() {
            filter.resampling.counts(&weights, filter.n, || rng.uniform())
        } else {
            filter.resampling.conditional(&weights, filter.n, || rng.uniform())
        };
        let log_weight = -(filter.n as f64).ln();
        let copies = self.particles.iter().zip(counts);
        self.particles = copies
            .flat_map(|(particle, n)| std::iter::repeat_n(Particle { log_weight, ..*particle }, n))
            .collect();
    }

    /// Sends those that can go on, copies of one path together. The reference is not sent.
    fn part(&mut self, tree: &Tree) -> Vec<Expand> {
        let mut wanted: Vec<Expand> = Vec::new();
        let mut free = self.reference.is_empty();
        let asked = &mut self.asked;
        self.particles.retain(|particle| {
            let stays = !std::mem::replace(&mut free, true) || !tree[particle.node].open;
            if !stays {
                match wanted.last_mut() {
                    Some(last) if last.node == particle.node => last.n += 1,
                    _ => {
                        wanted.push(Expand::step(particle.node, 1));
                        asked.push(*particle);
                    }
                }
            }
            stays
        });
        wanted
    }
}
