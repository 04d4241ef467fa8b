//! Judgements that are remembered: what a scorer has once said of a path is not asked again.
//!
//! A judgement depends on the scorer and its path alone, so these name it: the key is a SHA-256 of what the scorer is and
//! of all that it can see of the path: prompts, steps with their tokens and what was noted of them, how many are fresh,
//! whether it is finished. Equal paths of a batch are asked about once. Refusals are not kept, since a server may have been
//! the reason, and neither is what a search would not take: a score that is none of the scale, or too few of them.
//!
//! Source: none; content addresses as in [`super::store`].

use std::collections::HashMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::generator::BoxError;
use super::scorer::{GroupId, Judged, Scored, Scoring};
use super::store::Key;
use crate::{Prompt, Scale, Step, Trajectory};

/// Where judgements are kept.
pub(super) trait Shelf: Send + Sync {
    fn get(&self, key: Key) -> Result<Option<Scored>, BoxError>;
    fn put(&self, key: Key, scored: &Scored) -> Result<(), BoxError>;
}

/// Everything that a judgement depends on.
#[derive(Serialize)]
struct Seen<'a> {
    scorer: &'a str,
    prompt: &'a Prompt,
    /// What the writer was shown, where that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<&'a Prompt>,
    steps: Vec<&'a Step>,
    fresh: usize,
    finished: bool,
}

/// The key of a path's judgement.
fn key(scorer: &str, path: &Trajectory) -> Result<Key, BoxError> {
    let (prompt, asked) = (path.prompt(), path.asked());
    let seen = Seen {
        scorer,
        prompt,
        asked: (asked != prompt).then_some(asked),
        steps: path.steps().iter().map(|step| &**step).collect(),
        fresh: path.fresh_steps().len(),
        finished: path.is_finished(),
    };
    Ok(Key::of(Sha256::new().chain_update(serde_json::to_vec(&seen)?)))
}

/// Whose judgements are remembered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'a> {
    pub(super) name: &'a str,
    pub(super) scale: Scale,
}

/// Paths that are judged together, as far as their judgements are known.
struct Batch {
    known: Vec<Option<Scored>>,
    missing: Vec<Missing>,
}

/// A path that nothing is known of, and where it stands in the batch.
struct Missing {
    key: Key,
    fresh: usize,
    places: Vec<usize>,
}

impl Batch {
    /// What is known of paths, and those that are left to be judged.
    fn of(
        shelf: &dyn Shelf,
        whose: Whose<'_>,
        paths: &[Trajectory],
    ) -> Result<(Self, Vec<Trajectory>), BoxError> {
        let mut batch = Self { known: vec![None; paths.len()], missing: Vec::new() };
        let (mut left, mut asked) = (Vec::new(), HashMap::new());
        for (place, path) in paths.iter().enumerate() {
            let key = key(whose.name, path)?;
            if let Some(&number) = asked.get(&key) {
                let missing: &mut Missing = &mut batch.missing[number];
                missing.places.push(place);
            } else if let Some(scored) = shelf.get(key)? {
                batch.known[place] = Some(scored);
            } else {
                asked.insert(key, batch.missing.len());
                let fresh = path.fresh_steps().len();
                batch.missing.push(Missing { key, fresh, places: vec![place] });
                left.push(path.clone());
            }
        }
        Ok((batch, left))
    }

    /// All judgements, with those of what was left; they are kept from now on.
    fn whole(
        mut self,
        shelf: &dyn Shelf,
        whose: Whose<'_>,
        judged: Vec<Scored>,
    ) -> Result<Vec<Scored>, BoxError> {
        let (asked, found) = (self.missing.len(), judged.len());
        if asked != found {
            return Err(format!("the scorer judged {asked} paths as {found}").into());
        }
        for (Missing { key, fresh, places }, scored) in self.missing.iter().zip(judged) {
            if is_sound(&scored, *fresh, whose.scale) {
                shelf.put(*key, &scored)?;
            }
            for &place in places {
                self.known[place] = Some(scored.clone());
            }
        }
        Ok(self.known.into_iter().flatten().collect())
    }
}

/// Whether a search would take a judgement.
fn is_sound(scored: &Scored, fresh: usize, scale: Scale) -> bool {
    let flops = scored.reads.map_or(0.0, |reads| reads.flops);
    scored.refused.is_none()
        && scored.scores.len() == fresh
        && scored.scores.iter().all(|&score| score.is_finite() && scale.holds(score))
        && flops.is_finite()
        && flops >= 0.0
}

/// Judges paths, those that are not known by `score`.
pub(super) fn judge(
    shelf: &dyn Shelf,
    whose: Whose<'_>,
    paths: &[Trajectory],
    score: impl FnOnce(&[Trajectory]) -> Result<Vec<Scored>, BoxError>,
) -> Result<Vec<Scored>, BoxError> {
    let (batch, left) = Batch::of(shelf, whose, paths)?;
    let judged = if left.is_empty() { Vec::new() } else { score(&left)? };
    batch.whole(shelf, whose, judged)
}

/// The pull form: what is known is judged at once, the rest by the scorer's own session.
pub(super) struct Remembering<'a> {
    shelf: &'a dyn Shelf,
    whose: Whose<'a>,
    inner: Box<dyn Scoring + 'a>,
    next: u64,
    ready: Vec<Judged>,
    /// Groups of the scorer: which of ours each is.
    waiting: HashMap<GroupId, (GroupId, Batch)>,
}

impl<'a> Remembering<'a> {
    pub(super) fn new(
        shelf: &'a dyn Shelf,
        whose: Whose<'a>,
        inner: Box<dyn Scoring + 'a>,
    ) -> Self {
        Self { shelf, whose, inner, next: 0, ready: Vec::new(), waiting: HashMap::new() }
    }
}

impl Scoring for Remembering<'_> {
    fn submit(&mut self, paths: Vec<Trajectory>) -> GroupId {
        let own = GroupId(self.next);
        self.next += 1;
        match Batch::of(self.shelf, self.whose, &paths) {
            Err(error) => self.ready.push((own, Err(error))),
            Ok((batch, left)) if left.is_empty() => {
                self.ready.push((own, batch.whole(self.shelf, self.whose, Vec::new())));
            }
            Ok((batch, left)) => {
                self.waiting.insert(self.inner.submit(left), (own, batch));
            }
        }
        own
    }

    fn step(&mut self) -> Vec<Judged> {
        if !self.ready.is_empty() {
            return std::mem::take(&mut self.ready);
        }
        let mut out = Vec::new();
        for (group, judged) in self.inner.step() {
            let Some((own, batch)) = self.waiting.remove(&group) else { continue };
            let whole = judged.and_then(|judged| batch.whole(self.shelf, self.whose, judged));
            out.push((own, whole));
        }
        out
    }

    fn cancel(&mut self, group: GroupId) {
        self.ready.retain(|(own, _)| *own != group);
        let asked = self.waiting.iter().find(|(_, (own, _))| *own == group).map(|(&id, _)| id);
        if let Some(id) = asked {
            self.waiting.remove(&id);
            self.inner.cancel(id);
        }
    }
}
