//! Seeds by path: every node draws its randomness from its own place in the tree.
//!
//! `seed(child) = mix(seed(parent), sibling number)`, so a continuation does not depend on batch,
//! thread, order or on what the rest of the tree does, and best-of-4 is a prefix of best-of-16.
//! A line of several steps gives each further step the seed of its first child: a solution
//! generated in one go draws the same numbers as one generated step by step.
//!
//! Source: Lemire 2019 (arXiv 1805.10941, algorithm 5) for numbers below a bound, free of modulo bias.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};

use crate::{Prompt, Role};

/// The generator of all randomness, `ChaCha8`: the same numbers in every version and on every platform.
///
/// ```
/// use tts_core::seed;
/// let mut rng = seed::rng(7);
/// assert!((0.0..1.0).contains(&rng.uniform()) && rng.below(6) < 6);
/// assert_eq!(seed::rng(7).next_u64(), seed::rng(7).next_u64());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A uniform number in `[0, 1)` with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A uniform index below `bound`, without bias; 0 where the bound is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let wide = bound as u64;
        let unbiased = wide.wrapping_neg() % wide.max(1);
        loop {
            let product = u128::from(self.next_u64()) * u128::from(wide);
            #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
            let low = product as u64;
            if low >= unbiased {
                #[expect(clippy::cast_possible_truncation, reason = "below bound, a usize")]
                return (product >> 64) as usize;
            }
        }
    }

    /// Brings these into an order in which none is likelier than another (Fisher and Yates).
    ///
    /// ```
    /// let mut items: Vec<u32> = (0..10).collect();
    /// tts_core::seed::rng(1).shuffle(&mut items);
    /// assert_ne!(items, (0..10).collect::<Vec<_>>());
    /// items.sort();
    /// assert_eq!(items, (0..10).collect::<Vec<_>>());
    /// ```
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// A number of the standard normal distribution (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

const ROLLOUT: u64 = 0x5bd1_e995_9e37_79b9;
const DECISION: u64 = 0x2545_f491_4f6c_dd1d;
const QUESTION: u64 = 0x9fb2_1c65_1e98_df25;
const ASIDE: u64 = 0xd1b5_4a32_d192_ed03;

/// The finaliser of `SplitMix64`: every input bit moves every output bit.
fn scramble(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Two numbers into one seed; order matters.
pub fn mix(a: u64, b: u64) -> u64 {
    scramble(
        scramble(a.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ b.wrapping_mul(0xd6e8_feb8_6659_fd93),
    )
}

/// Seed of the committed child number `sibling` of a node with seed `parent`.
///
/// ```
/// use tts_core::seed::child;
/// assert_ne!(child(1, 0), child(1, 1));
/// assert_eq!(child(1, 1), child(1, 1));
/// ```
pub fn child(parent: u64, sibling: u32) -> u64 {
    mix(parent, u64::from(sibling))
}

/// Seed of the rollout number `sibling` of a node. Rollouts are numbered apart from committed
/// children, so that looking ahead does not change what is sampled later.
pub fn rollout(parent: u64, sibling: u32) -> u64 {
    mix(parent ^ ROLLOUT, u64::from(sibling))
}

/// Seed of the question number `number` about a node among those whose lines are candidates: what is
/// asked draws numbers of its own, so that asking changes no sample.
pub fn question(parent: u64, number: u32) -> u64 {
    mix(parent ^ QUESTION, u64::from(number))
}

/// Seed of the question number `number` about a node among those whose lines are asides: numbered
/// apart, so that a critique changes no later revision.
pub fn aside_question(parent: u64, number: u32) -> u64 {
    mix(parent ^ QUESTION ^ ASIDE, u64::from(number))
}

/// Seed of the aside number `number` of a node: like rollouts, they are numbered apart.
pub fn aside(parent: u64, number: u32) -> u64 {
    mix(parent ^ ASIDE, u64::from(number))
}

/// Seed of the strategy's own numbers in a round, apart from those of any node.
pub fn decision(root: u64, round: u32) -> u64 {
    mix(root ^ DECISION, u64::from(round))
}

/// A hash of text, under a seed (FNV-1a over its bytes, then mixed): short texts that differ have
/// different seeds, the same in every version and on every platform. Not for texts chosen with malice.
pub fn hash_text(seed: u64, text: &str) -> u64 {
    hash_bytes(seed, text.as_bytes())
}

/// The same of bytes that need not be text.
///
/// ```
/// use tts_core::seed;
/// assert_eq!(seed::hash_bytes(7, b"2 + 2?"), seed::hash_text(7, "2 + 2?"));
/// assert_ne!(seed::hash_bytes(7, &[0xff]), seed::hash_bytes(7, &[0xfe]));
/// ```
pub fn hash_bytes(seed: u64, bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(seed, hash)
}

/// Seed of the root for a run's seed and a whole prompt: other instructions or another history are
/// another problem. A question alone has the seed of its text.
///
/// ```
/// use tts_core::{Prompt, seed};
/// assert_eq!(seed::prompt(7, &Prompt::from("2 + 2?")), seed::hash_text(7, "2 + 2?"));
/// let briefly = Prompt::chat("Be brief.", "2 + 2?");
/// assert_ne!(seed::prompt(7, &briefly), seed::prompt(7, &Prompt::chat("Explain.", "2 + 2?")));
/// ```
pub fn prompt(run: u64, prompt: &Prompt) -> u64 {
    let question = hash_text(run, prompt.question());
    let Prompt::Chat(messages) = prompt else { return question };
    if let [only] = &messages[..]
        && only.role == Role::User
    {
        return question;
    }
    messages.iter().fold(question, |seed, message| {
        hash_text(hash_text(seed, message.role.as_str()), &message.content)
    })
}

/// The random numbers of one seed.
pub fn rng(seed: u64) -> Rng {
    Rng(ChaCha8Rng::seed_from_u64(seed))
}

/// The random numbers of one stream of a seed: streams are independent of each other.
pub fn stream(seed: u64, stream: u64) -> Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    Rng(rng)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_as_likely_and_normal_numbers_are_normal() {
        let mut rng = rng(7);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..6_000 {
            let mut items = [0, 1, 2];
            rng.shuffle(&mut items);
            *counts.entry(items).or_insert(0) += 1;
        }
        // Of 6,000 draws each of six orders has 1,000, with a standard deviation of 29.
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (850..1_150).contains(count)), "{counts:?}");
        rng.shuffle::<u8>(&mut []);
        let numbers: Vec<f64> = (0..10_000).map(|_| rng.normal()).collect();
        let moment = |power| numbers.iter().map(|x| x.powi(power)).sum::<f64>() / 1e4;
        // Standard errors 0.01, 0.014 and 0.1.
        assert!(moment(1).abs() < 0.05 && (moment(2) - 1.0).abs() < 0.07, "{}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.5, "{}", moment(4));
    }
}
