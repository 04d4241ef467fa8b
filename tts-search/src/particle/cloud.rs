//! A population of weighted paths in motion: what particle filters and particle Gibbs share.
//!
//! In each round the fresh ends replace what was sent, the reference moves one step along its path, all are
//! weighed, and, unless all have come to their ends, drawn again by weight; copies of one path that can go
//! on are sent together, and wait for each other. Weights are kept as logarithms that are normalised after
//! each weighing; what was taken off is the evidence of the step. Annealing acts while something goes on
//! alone: it guides who is drawn, and the last weights are plain.
//!
//! Systematic draws depend on the order of the particles. Beside a reference, which has the first place,
//! the others are shuffled before: then each place is like the others, which the exactness of the chain
//! needs.
//!
//! Source: Puri et al. 2025 (arXiv 2502.01618), algorithm 1 and particle Gibbs; Andrieu, Doucet, Holenstein
//! 2010, "Particle Markov chain Monte Carlo methods", assumption 4 for the order, section 4.5.

use tts_core::{Expand, NodeId, Tree, View};

use super::filter::{ParticleFilter, Weights};
use super::resample::{Resampling, shuffle};
use super::weights::{bounded, effective_sample_size, normalised_entropy, relative};

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
            let settled = self.is_settled(view.tree());
            self.weigh(filter, view.tree(), settled);
            if settled {
                return Vec::new();
            }
            let rng = view.rng();
            self.resample(filter, &mut || rng.uniform());
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

    fn weigh(&mut self, filter: &ParticleFilter, tree: &Tree, settled: bool) {
        let all = (filter.n as f64).ln();
        let potentials: Vec<Option<f64>> = self
            .particles
            .iter()
            .map(|particle| filter.potential_of(tree, particle.node))
            .collect();
        let judged = potentials.iter().any(Option::is_some);
        let weights = |temperature: f64| -> Vec<(f64, f64)> {
            let weigh = |(particle, potential): (&Particle, &Option<f64>)| {
                let now = potential.map(|log| bounded(log / (filter.temperature * temperature)));
                match (filter.weights, now) {
                    (Weights::Ratio, Some(now)) => {
                        (particle.log_weight + now - particle.potential, now)
                    }
                    // An end without a judgement is worth nothing; on the way nothing is known yet.
                    (Weights::Ratio, None) if !tree[particle.node].open => {
                        (f64::NEG_INFINITY, particle.potential)
                    }
                    (Weights::Ratio, None) => (particle.log_weight, particle.potential),
                    (Weights::Score, Some(now)) => (now - all, now),
                    // What was not judged weighs nothing, unless nothing was.
                    (Weights::Score, None) if judged => (f64::NEG_INFINITY, 0.0),
                    (Weights::Score, None) => (-all, 0.0),
                }
            };
            self.particles.iter().zip(&potentials).map(weigh).collect()
        };
        let mut weighed = weights(1.0);
        if let Some(anneal) = filter.anneal.filter(|_| !settled) {
            let plain = relative(weighed.iter().map(|weight| weight.0));
            let share = effective_sample_size(&plain) / filter.n as f64;
            let entropy = normalised_entropy(&plain, filter.n);
            weighed = weights(anneal.temperature(share, entropy, self.step));
        }
        for (particle, (weight, potential)) in self.particles.iter_mut().zip(weighed) {
            (particle.log_weight, particle.potential) = (weight, potential);
        }
        let most = self.particles.iter().map(|p| p.log_weight).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = relative(self.particles.iter().map(|p| p.log_weight)).iter().sum();
        let log_sum = sum.ln();
        self.log_evidence += most + log_sum;
        // Where all weigh nothing, one is as good as the other.
        let equal = -(self.particles.len() as f64).ln();
        for particle in &mut self.particles {
            // In this order nothing is lost beside great numbers.
            let share = particle.log_weight - most - log_sum;
            particle.log_weight = if most.is_finite() { share } else { equal };
        }
    }

    fn is_settled(&self, tree: &Tree) -> bool {
        let free = usize::from(!self.reference.is_empty());
        self.step >= self.reference.len()
            && self.particles.iter().skip(free).all(|particle| !tree[particle.node].open)
    }

    fn resample(&mut self, filter: &ParticleFilter, draw: &mut impl FnMut() -> f64) {
        if !self.reference.is_empty() && filter.resampling == Resampling::Systematic {
            shuffle(self.particles.get_mut(1..).unwrap_or_default(), draw);
        }
        let weights = relative(self.particles.iter().map(|particle| particle.log_weight));
        let enough = filter.resample_below * filter.n as f64;
        if filter.resample_below < 1.0 && effective_sample_size(&weights) >= enough {
            return;
        }
        let counts = if self.reference.is_empty() {
            filter.resampling.counts(&weights, filter.n, draw)
        } else {
            filter.resampling.conditional(&weights, filter.n, draw)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Particles, and so many steps of two tokens each, as likely as the other.
    const N: usize = 4;
    const STEPS: u32 = 3;

    /// Potentials of paths, which are binary numbers behind a leading 1.
    const POTENTIALS: [f64; 16] =
        [1.0, 1.0, 3.0, 0.35, 0.5, 2.0, 0.05, 0.2, 0.2, 2.0, 0.35, 0.05, 1.0, 0.2, 0.05, 0.2];

    fn potential(path: u32) -> f64 {
        POTENTIALS[path as usize]
    }

    /// Each law of draws that resampling can ask for, by the middles of stretches in which the counts are one
    /// and the same: the draws, and the probability of their stretch.
    fn draws(weights: &[f64], shuffles: &[[f64; 2]]) -> Vec<(Vec<f64>, f64)> {
        let share = N as f64 * weights[0] / weights.iter().sum::<f64>();
        let (whole, rest) = (share.floor(), share.fract());
        let middles = |mut cuts: Vec<f64>| -> Vec<(f64, f64)> {
            cuts.extend([0.0, 1.0]);
            cuts.retain(|cut| (0.0..=1.0).contains(cut));
            cuts.sort_by(f64::total_cmp);
            let stretch = |cut: &[f64]| (f64::midpoint(cut[0], cut[1]), cut[1] - cut[0]);
            // What is narrower is a rounding error.
            cuts.windows(2).map(stretch).filter(|(_, width)| *width > 1e-14).collect()
        };
        let mut all = Vec::new();
        for shuffle in shuffles {
            // Counts change where a place crosses the end of a stretch.
            let mut order: Vec<usize> = (0..weights.len()).collect();
            let mut left = shuffle.iter();
            super::shuffle(&mut order[1..], &mut || left.next().copied().unwrap_or_default());
            let ends = order.iter().scan(0.0, |sum, &index| {
                *sum += N as f64 * weights[index] / weights.iter().sum::<f64>();
                Some(sum.fract())
            });
            let cuts = ends.flat_map(|end| [end / rest, (end - rest) / (1.0 - rest)]).collect();
            for (second, width) in middles(cuts) {
                for (first, height) in middles(vec![rest * (whole + 1.0) / share]) {
                    let p = width * height / shuffles.len() as f64;
                    all.push(([&shuffle[..], &[first, second]].concat(), p));
                }
            }
        }
        all
    }

    /// The law of the next reference after this one: filters of ratios, drawn systematically at each step,
    /// where the others are shuffled by these numbers.
    fn row(end: u32, shuffles: &[[f64; 2]]) -> BTreeMap<u32, f64> {
        let filter = ParticleFilter { resample_below: 1.0, ..ParticleFilter::twisted(N) };
        let mut states = BTreeMap::from([(vec![1; N], 1.0)]);
        let mut row = BTreeMap::new();
        for step in 1..=STEPS {
            let reference = end >> (STEPS - step);
            let mut next: BTreeMap<Vec<u32>, f64> = BTreeMap::new();
            for (state, p) in std::mem::take(&mut states) {
                for tokens in 0..1_u32 << (N - 1) {
                    let free = (1..).zip(&state[1..]);
                    let mut paths = vec![reference];
                    paths.extend(free.map(|(place, path)| 2 * path + (tokens >> (place - 1) & 1)));
                    *next.entry(paths).or_default() += p / f64::from(1 << (N - 1));
                }
            }
            for (paths, p) in next {
                let ratio = |&path: &u32| potential(path) / potential(path / 2);
                let weights: Vec<f64> = paths.iter().map(ratio).collect();
                if step == STEPS {
                    let sum: f64 = weights.iter().sum();
                    for (path, weight) in paths.into_iter().zip(weights) {
                        *row.entry(path).or_default() += p * weight / sum;
                    }
                    continue;
                }
                for (draws, q) in draws(&weights, shuffles) {
                    let particle = |(&path, weight): (&u32, &f64)| Particle {
                        node: NodeId(path),
                        log_weight: weight.ln(),
                        potential: 0.0,
                    };
                    let particles = paths.iter().zip(&weights).map(particle).collect();
                    let mut cloud =
                        Cloud { particles, reference: vec![NodeId::ROOT], ..Cloud::default() };
                    let mut draws = draws.into_iter();
                    cloud.resample(&filter, &mut || draws.next().unwrap_or(f64::NAN));
                    assert_eq!((draws.next(), cloud.particles[0].node.0), (None, reference));
                    let copies = cloud.particles.iter().map(|particle| particle.node.0);
                    *states.entry(copies.collect()).or_default() += p * q;
                }
            }
        }
        row
    }

    /// How far the law of the chain is from what one more iteration makes of it.
    fn moved(shuffles: &[[f64; 2]]) -> f64 {
        let ends = 1_u32 << STEPS..2 << STEPS;
        let sum: f64 = ends.clone().map(potential).sum();
        let mut next: BTreeMap<u32, f64> = BTreeMap::new();
        for end in ends.clone() {
            for (other, p) in row(end, shuffles) {
                *next.entry(other).or_default() += p * potential(end) / sum;
            }
        }
        let off = ends.map(|end| (next[&end] - potential(end) / sum).abs());
        off.sum::<f64>() / 2.0
    }

    /// Over all orders of the others the chain keeps its law; in the order in which they happen to stand
    /// it does not.
    #[test]
    fn the_law_beside_a_reference_is_kept_in_systematic_draws() {
        // One of three for the last place, one of two for the next.
        let thirds = [1.0 / 6.0, 0.5, 5.0 / 6.0];
        let orders: Vec<[f64; 2]> =
            thirds.into_iter().flat_map(|last| [[last, 0.25], [last, 0.75]]).collect();
        let off = moved(&orders);
        assert!(off < 1e-12, "{off}");
        // Draws that leave all in their places.
        let off = moved(&[[5.0 / 6.0, 0.75]]);
        assert!(off > 1e-3, "{off}");
    }
}
