//! From a path to token ids with a position for each score, and from hidden rows to scores.
//!
//! The text is the prompt, then for each step its tokens and the separator, with what stands between
//! steps ([`Layout`]). Steps are the generator's token ids, or, for a model with a tokenizer of its own, the text of each step
//! encoded by itself: texts are never joined before they are encoded, so a boundary between steps
//! always lies between two tokens.
//!
//! Source: joining separators as text shifts token boundaries and costs several points of F1 on
//! `ProcessBench` (Zheng et al. 2024), as found in its repository.

use std::collections::BTreeMap;

use tts_core::{Prompt, Scale, Scored, Step, Trajectory};
use tts_models::{Backbone, Tokenizer, Wanted};

use super::config::{HeadConfig, Reading};
use super::layout::{Layout, encode_within};
use super::network::RewardHead;
use crate::PrmError;

/// What a head was trained for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A score for each step.
    Process,
    /// A score for a finished solution.
    Outcome,
}

impl Kind {
    /// What the scores of a head of this configuration are.
    pub(super) fn scale(self, config: &HeadConfig) -> Scale {
        match self {
            Self::Process => config.process_scale(),
            Self::Outcome => config.outcome_scale(),
        }
    }
}

/// A head on a backbone, for one call.
pub(crate) struct Judge<'a, T: ?Sized> {
    pub(crate) backbone: &'a T,
    pub(crate) head: &'a RewardHead,
    pub(crate) layout: &'a Layout,
    /// Encodes the text of steps; `None` takes their token ids.
    pub(crate) tokenizer: Option<&'a Tokenizer>,
    pub(crate) kind: Kind,
}

impl<T: Backbone + ?Sized> Judge<'_, T> {
    /// All paths in one call of the backbone, which runs what they share once. A path that the backbone cannot run is
    /// refused, and the others are judged.
    pub(crate) fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, PrmError> {
        let mut texts = Vec::with_capacity(batch.len());
        let mut judged = Vec::with_capacity(batch.len());
        let mut prompt: Option<(&Prompt, Vec<u32>)> = None;
        let mut refused = BTreeMap::new();
        let config = self.head.config();
        for (index, path) in batch.iter().enumerate() {
            // A path without a step to judge wants nothing, but keeps its place: what the backbone
            // says of a text, it says of the path.
            let Some(first) = self.first(path) else {
                texts.push(Wanted::default());
                judged.push(Vec::new());
                continue;
            };
            // Candidates of one problem come side by side and share their prompt.
            let start = match prompt.take().filter(|(known, _)| *known == path.prompt()) {
                Some((_, tokens)) => tokens,
                None => {
                    self.layout.opening(self.backbone, self.tokenizer, path.prompt(), config)?
                }
            };
            let (text, tokens) = self.text(index, path, first, start.clone())?;
            prompt = Some((path.prompt(), start));
            // One that the model has no room for is not judged; the others are.
            let (length, room) = (text.tokens.len(), self.backbone.positions());
            if length > room {
                let why = format!("{length} tokens, but the reward model knows {room} positions");
                refused.insert(index, why);
                texts.push(Wanted::default());
                judged.push(Vec::new());
                continue;
            }
            texts.push(text);
            judged.push(tokens);
        }
        let rows = self.backbone.hidden_each(&texts)?;
        let all = batch.iter().zip(rows).zip(&judged).enumerate();
        all.map(|(index, ((path, rows), tokens))| match (refused.remove(&index), rows) {
            (Some(why), _) => Ok(Scored::refused(why)),
            (None, Err(error)) => Ok(Scored::refused(error.to_string())),
            (None, Ok(rows)) => self.judge(index, path, &rows, tokens),
        })
        .collect()
    }

    /// The first step of a path that is judged, counted from its start.
    fn first(&self, path: &Trajectory) -> Option<usize> {
        let (all, fresh) = (path.steps().len(), path.fresh_steps().len());
        match self.kind {
            _ if fresh == 0 => None,
            Kind::Process => Some(all - fresh),
            Kind::Outcome => path.is_finished().then(|| all - 1),
        }
    }

    /// The tokens of a path that begins with `tokens`, with the positions of the rows that are
    /// read, and for each step from `first` on the tokens that are judged, one a row.
    fn text(
        &self,
        index: usize,
        path: &Trajectory,
        first: usize,
        mut tokens: Vec<u32>,
    ) -> Result<(Wanted, Vec<Vec<u32>>), PrmError> {
        // The label of a token stands before it.
        let before = usize::from(self.head.config().reading == Reading::Tokens);
        let (mut positions, mut judged) = (Vec::new(), Vec::new());
        for (place, step) in path.steps().iter().enumerate() {
            if place > 0 && self.kind == Kind::Process {
                tokens.extend(&self.layout.between);
            }
            let start = tokens.len();
            tokens.extend(self.step(path, place, step)?);
            if self.kind == Kind::Process || place >= first {
                tokens.extend(&self.layout.separator);
            }
            if place >= first {
                // The row at the end of a step without tokens is that where the path stands.
                let last = tokens.len().saturating_sub(1);
                let from = match self.head.config().reading {
                    Reading::Tokens if self.kind == Kind::Process => start,
                    _ => last,
                };
                if from < before || tokens.is_empty() {
                    let problem = "no tokens up to here, nothing to judge by";
                    return Err(PrmError::step(index, place, problem));
                }
                positions.extend(from - before..tokens.len() - before);
                judged.push(tokens[from..].to_vec());
            }
        }
        // Nothing is read behind the last position: what stands there need not be computed.
        tokens.truncate(tokens.len() - before);
        Ok((Wanted { tokens, positions }, judged))
    }

    /// The scores of a path by the rows `[width]` of its judged steps, which are its last, with the
    /// tokens that each of them is judged by.
    fn judge(
        &self,
        index: usize,
        path: &Trajectory,
        mut rows: &[Vec<f32>],
        judged: &[Vec<u32>],
    ) -> Result<Scored, PrmError> {
        let fresh = path.fresh_steps().len();
        let mut scores = vec![self.head.neutral(); fresh];
        let start = fresh.saturating_sub(judged.len());
        for (place, (slot, tokens)) in scores.iter_mut().skip(start).zip(judged).enumerate() {
            let (own, rest) = rows.split_at(tokens.len().min(rows.len()));
            rows = rest;
            let step = path.judged_steps().len() + start + place;
            *slot = match (self.head.config().reading, own) {
                (Reading::End, [row, ..]) => self.head.score(row),
                (Reading::Tokens, [_, ..]) => {
                    let score = self.head.score_tokens(own, tokens);
                    score.ok_or_else(|| self.without_label(index, step, tokens))?
                }
                // Of nothing, nothing is said.
                (_, []) => self.head.neutral(),
            };
            if !slot.is_finite() {
                return Err(PrmError::step(index, step, format!("the score is {slot}")));
            }
        }
        Ok(Scored::of(scores))
    }

    fn without_label(&self, index: usize, step: usize, tokens: &[u32]) -> PrmError {
        let labels = self.head.labels();
        let token = tokens.iter().find(|&&token| token as usize >= labels);
        let problem = format!("token {token:?}, but the head has labels of {labels} tokens");
        PrmError::step(index, step, problem)
    }

    /// The tokens of the step at `place`.
    fn step(&self, path: &Trajectory, place: usize, step: &Step) -> Result<Vec<u32>, PrmError> {
        let Some(tokenizer) = self.tokenizer else { return Ok(step.tokens.clone()) };
        let config = self.head.config();
        let off = |c: char| {
            config.trim_steps && c.is_whitespace() || config.trim_lines && matches!(c, '\r' | '\n')
        };
        let mut text = step.text.as_str();
        // Nothing stands between the steps of an outcome: what is there must stay.
        let process = self.kind == Kind::Process;
        if process || place == 0 {
            text = text.trim_start_matches(off);
        }
        if process || place + 1 == path.steps().len() {
            text = text.trim_end_matches(off);
        }
        let joined;
        if place == 0 && !config.first_start.is_empty() {
            joined = format!("{}{text}", config.first_start);
            text = &joined;
        }
        // What a model wrote must not become a control token.
        Ok(encode_within(tokenizer, text, false)?)
    }
}
