//! What there had to be drawn and learnt until there was a policy, in operations: the axis of training.
//!
//! Counted are two operations a parameter and token that was drawn to learn from, and six a parameter and token that was
//! learnt. What stands behind a policy is counted with it, each model once: the one whose weights it goes on from, and
//! whoever wrote what it was taught, so that a student has cost what its teacher has. Written solutions of a family
//! cost nothing, what was drawn to measure is not counted, and what a server drew neither, whose size nobody knows.
//!
//! Source: Kaplan et al. 2020 (arXiv:2001.08361), section 2.1, for operations a parameter and token.

use std::collections::BTreeMap;

use serde_json::Value;
use tts_models::Checkpoint;
use tts_prm::reinforce::{Note, read_notes};

use super::spec::{ModelSpec, StepOf};
use super::workshop::Workshop;
use crate::Error;

/// Models behind a policy, with the last step of each that counts.
type Behind<'n> = BTreeMap<&'n str, usize>;

impl Workshop<'_> {
    /// What it has cost until there was this policy; `None` of one behind which there is no reinforcement, and where a
    /// model was made before its tokens were counted.
    pub(super) fn training_operations(&self, name: &str, seed: u64) -> Result<Option<f64>, Error> {
        let mut behind = Behind::new();
        self.walk(name, usize::MAX, &mut behind)?;
        let reinforced = |name: &str| matches!(self.spec(name), Ok(ModelSpec::Reinforced(_)));
        if !behind.keys().any(|name| reinforced(name)) {
            return Ok(None);
        }
        let mut sum = 0.0;
        for (name, last) in behind {
            let Some(own) = self.own_operations(name, last, seed)? else { return Ok(None) };
            sum += own;
        }
        Ok(Some(sum))
    }

    /// Adds a model and those behind it.
    fn walk<'n>(
        &'n self,
        name: &'n str,
        last: usize,
        behind: &mut Behind<'n>,
    ) -> Result<(), Error> {
        let spec = self.spec(name)?;
        if let ModelSpec::StepOf(StepOf { model, step }) = spec {
            return self.walk(model, *step, behind);
        }
        // One that counts up to a later step already has all of it counted.
        let counted = behind.get(name).copied();
        if counted.is_some_and(|until| until >= last) {
            return Ok(());
        }
        behind.insert(name, last);
        let others: Vec<&String> = match spec {
            ModelSpec::Reinforced(policy) => vec![&policy.from],
            ModelSpec::Written(written) => written.from.iter().collect(),
            ModelSpec::SelfTrained(round) => vec![&round.from, &round.policy],
            ModelSpec::Revision(revised) => vec![&revised.from, &revised.policy],
            ModelSpec::Distilled(student) => {
                student.from.iter().chain([&student.teacher]).chain(&student.hinted).collect()
            }
            _ => Vec::new(),
        };
        others.into_iter().try_for_each(|other| self.walk(other, usize::MAX, behind))
    }

    /// What the making of one model has cost, without those behind it.
    fn own_operations(&self, name: &str, last: usize, seed: u64) -> Result<Option<f64>, Error> {
        let spec = self.spec(name)?;
        if let ModelSpec::Reinforced(_) = spec {
            return Ok(Some(self.reinforcing(name, last, seed)?));
        }
        if !matches!(
            spec,
            ModelSpec::SelfTrained(_) | ModelSpec::Revision(_) | ModelSpec::Distilled(_)
        ) {
            return Ok(Some(0.0));
        }
        let report = self.report(name, seed)?;
        let drawn = report.get("drawn").and_then(Value::as_object);
        let learnt = report.get("learnt").and_then(Value::as_f64);
        let (Some(drawn), Some(learnt)) = (drawn, learnt) else { return Ok(None) };
        let mut sum = 6.0 * learnt * self.parameters(name, seed)?.unwrap_or(0.0);
        for (writer, tokens) in drawn {
            let parameters = self.parameters(writer, seed)?.unwrap_or(0.0);
            sum += 2.0 * parameters * tokens.as_f64().unwrap_or(0.0);
        }
        Ok(Some(sum))
    }

    /// The same of a run of reinforcement, up to a step.
    fn reinforcing(&self, name: &str, last: usize, seed: u64) -> Result<f64, Error> {
        let parameters = self.parameters(name, seed)?.unwrap_or(0.0);
        let cost = |note: Note| match note {
            Note::Step(step) if step.step <= last => {
                parameters * (2.0 * step.tokens as f64 + 6.0 * step.learnt as f64)
            }
            _ => 0.0,
        };
        Ok(read_notes(&self.model(name, seed)?)?.into_iter().map(cost).sum())
    }

    /// Parameters of a model here that take part in a token.
    fn parameters(&self, name: &str, seed: u64) -> Result<Option<f64>, Error> {
        if let ModelSpec::Served(_) | ModelSpec::Grader(_) = self.spec(name)? {
            return Ok(None);
        }
        let folder = self.model(name, seed)?;
        Ok(Some(Checkpoint::open(&folder)?.config().active_parameters() as f64))
    }
}
