//! A jury: one judge asked several times, in several orders, and its votes.
//!
//! ```text
//! responses A B C D --+-- B D A C  -- principles, critique, \boxed{7, 3, 8, 5} -- meta 0.8 --+
//!                     +-- C A D B  -- principles, critique, \boxed{6, 9, 3, 6} -- meta 0.4 --+-- votes
//!                     +-- D B C A  -- (cannot be read: refused)                              --+
//! ```
//!
//! Each sample shows the responses in an order of its own, drawn from the search's numbers, and the scores are put
//! back in place; so what a judge gives to a place rather than to a response averages out. A judge that takes fewer
//! responses than there are is asked about groups of them, drawn anew for each sample. Judgements are asides: they
//! have seeds, costs and records as every line, run in the batch of the policy's lines, and count against the one
//! budget of the problem.
//!
//! Questions are laid out so that they share what they can: instructions and problem stand before responses; a
//! judge that sees one response at a time has one question for it, read once, whatever the number of samples;
//! and of one that sees several, `repeats` samples can share an order, and so all of the question.
//!
//! Source: Liu et al. 2025, "Inference-Time Scaling for Generalist Reward Modeling" (arXiv 2504.02495), section 4:
//! voting over samples with shuffled responses, guided by a meta reward model.

use serde::{Deserialize, Serialize};
use tts_core::{Ask, Desk, Line, Prompt, Requirements, Until, all};

use super::again::Looks;
use super::asker::Asker;
use super::ballot::{Ballot, Judgement, Vote};
use super::judge::Judge;
use super::meta::Meta;
use super::read::{By, Decision, Refusal, Said};
use super::response::Response;
use super::sure::Sure;
use super::turns::Past;

/// A judge asked several times, see the [module](self).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Jury {
    /// Who judges.
    pub judge: Judge,
    /// The role that plays the judge; `None` for the policy itself.
    pub role: Option<String>,
    /// How many judgements of each response.
    pub samples: usize,
    /// Most responses that are shown at once; 0 for as many as the judge takes.
    pub together: usize,
    /// In which order they are shown.
    pub order: Order,
    /// How many samples share an order.
    pub repeats: usize,
    /// How judgements are added up.
    pub vote: Vote,
    /// Who judges the judgements.
    pub meta: Option<Meta>,
    /// When no more are asked for.
    pub sure: Option<Sure>,
}

/// In which order responses are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Order {
    /// By chance, each time anew.
    #[default]
    Shuffled,
    /// By chance, and then the same order from behind, of the same groups where not all are shown together: a preference that
    /// is linear in the place cancels in each pair. So each order needs its mirror: samples, and batches of [`Sure`], are
    /// multiples of twice the repeats.
    Mirrored,
    /// As they come: what the judge gives to a place stays.
    Fixed,
}

impl Default for Jury {
    /// Eight samples of the default judge, by the role `judge`.
    fn default() -> Self {
        Self {
            judge: Judge::default(),
            role: Some("judge".into()),
            samples: 8,
            together: 0,
            order: Order::Shuffled,
            repeats: 1,
            vote: Vote::Mean,
            meta: None,
            sure: None,
        }
    }
}

/// What became of one sample.
pub(super) type Sample = Result<Judgement, Refusal>;

impl Jury {
    /// So many samples of a judge, by the role `judge`.
    pub fn of(judge: Judge, samples: usize) -> Self {
        Self { judge, samples, ..Self::default() }
    }

    /// The judgements of responses to the problem of a script, told to `heard` as they come, batch after batch: should the
    /// budget run out, those count that were made. What cannot be read is refused, with its reason ([`Desk::refuse`]), and so
    /// is a response that no judgement was asked about; a line that fails is among those of the outcome that did.
    pub async fn ballot(
        &self,
        desk: &Desk,
        responses: &[Response],
        heard: impl FnMut(&Ballot),
    ) -> Ballot {
        self.ballot_after(desk, responses, &Past::default(), heard).await
    }

    /// The same where a judge of turns has said something already, and to what it has said then.
    pub(super) async fn ballot_after(
        &self,
        desk: &Desk,
        responses: &[Response],
        past: &Past,
        heard: impl FnMut(&Ballot),
    ) -> Ballot {
        let asker = Asker::first(desk);
        self.ballot_of(asker, (&desk.problem(), responses), past, heard).await
    }

    /// The same of responses to this problem.
    pub(super) async fn ballot_of(
        &self,
        desk: Asker<'_>,
        (problem, responses): (&Prompt, &[Response]),
        past: &Past,
        mut heard: impl FnMut(&Ballot),
    ) -> Ballot {
        let mut ballot = Ballot { responses: responses.len(), ..Ballot::default() };
        let mut before: Option<Vec<Vec<usize>>> = None;
        let mut shown = vec![false; responses.len()];
        let mut left = self.samples;
        while left > 0 && !responses.is_empty() {
            let batch = self.sure.map_or(left, |sure| sure.batch.min(left));
            left -= batch;
            let mut asked = Vec::new();
            let mut rest = batch;
            while rest > 0 {
                // One response at a time has no order, and one question.
                let times = if self.is_single() { rest } else { self.repeats.min(rest) };
                let asked_before = self.samples - left - rest;
                rest -= times;
                for group in self.next_groups(&desk, responses.len(), &mut before) {
                    for &place in &group {
                        shown[place] = true;
                    }
                    asked.push(self.samples_of(
                        desk,
                        (problem, responses),
                        (group, times),
                        (past, asked_before),
                    ));
                }
            }
            for sample in all(asked).await.into_iter().flatten() {
                match sample {
                    Ok(judgement) => ballot.judgements.push(judgement),
                    Err(_) => ballot.refused += 1,
                }
            }
            heard(&ballot);
            let range = self.judge.reading.range();
            if self.sure.is_some_and(|sure| sure.is_over(&ballot, left, range)) {
                break;
            }
        }
        if self.samples > 0 {
            let least = self.takes()[0];
            let out = responses.iter().zip(shown).filter(|(_, shown)| !shown);
            for (response, _) in out {
                desk.refuse(response.node, &Refusal::LeftOut { least });
            }
        }
        ballot
    }

    /// What each response is worth by these judgements, from 0 to 1; `None` for one that nobody judged.
    pub fn values(&self, ballot: &Ballot) -> Vec<Option<f64>> {
        let keep = self.meta.as_ref().map(|meta| meta.keep);
        let winners = self.vote == Vote::Winners;
        let totals = ballot.totals(if winners { self.vote } else { Vote::Mean }, keep);
        let value = |total: f64| if winners { total } else { self.judge.share(total) };
        totals.into_iter().map(|total| total.map(value)).collect()
    }

    /// Makes what responses are worth the values of their nodes.
    pub(super) fn value(&self, desk: &Desk, responses: &[Response], ballot: &Ballot) {
        for (response, value) in responses.iter().zip(self.values(ballot)) {
            if let Some(value) = value {
                desk.value(response.node, value);
            }
        }
    }

    /// What each response comes to by the vote.
    pub fn totals(&self, ballot: &Ballot) -> Vec<Option<f64>> {
        ballot.totals(self.vote, self.meta.as_ref().map(|meta| meta.keep))
    }

    /// Whether each judgement is about one response.
    fn is_single(&self) -> bool {
        self.takes()[1] == 1
    }

    /// The fewest and most responses that one judgement is about.
    pub(super) fn takes(&self) -> [usize; 2] {
        let [least, most] = self.judge.takes();
        [least, if self.together == 0 { most } else { most.min(self.together) }]
    }

    /// The groups of the next sample, in their order; `before` are those that are to be mirrored.
    fn next_groups(
        &self,
        desk: &Desk,
        n: usize,
        before: &mut Option<Vec<Vec<usize>>>,
    ) -> Vec<Vec<usize>> {
        let mut left: Vec<usize> = (0..n).collect();
        if self.order == Order::Fixed || self.is_single() {
            return self.groups(&left);
        }
        if let Some(mut groups) = before.take() {
            // Of the groups, not of the order: cut from behind, an odd number would fall into others.
            groups.reverse();
            for group in &mut groups {
                group.reverse();
            }
            return groups;
        }
        let order: Vec<usize> = (0..n).map(|_| left.swap_remove(desk.below(left.len()))).collect();
        let groups = self.groups(&order);
        if self.order == Order::Mirrored {
            *before = Some(groups.clone());
        }
        groups
    }

    /// An order in groups of what the judge takes, as even as can be; what is too few for it is left out.
    fn groups(&self, order: &[usize]) -> Vec<Vec<usize>> {
        let [least, most] = self.takes();
        let count = order.len().div_ceil(most.max(1)).max(1);
        let even = (0..count).map(|group| {
            let place = |group: usize| group * order.len() / count;
            order[place(group)..place(group + 1)].to_vec()
        });
        // Pairs are whole, and one sits out; evening them would break two.
        let groups: Vec<Vec<usize>> = if least == most {
            order.chunks(most).map(<[usize]>::to_vec).collect()
        } else {
            even.collect()
        };
        groups.into_iter().filter(|group| group.len() >= least).collect()
    }

    /// So many judgements of a group in this order, when so many samples were asked for before.
    async fn samples_of(
        &self,
        desk: Asker<'_>,
        (problem, responses): (&Prompt, &[Response]),
        (group, times): (Vec<usize>, usize),
        (past, before): (&Past, usize),
    ) -> Vec<Sample> {
        let shown: Vec<&Response> = group.iter().map(|&place| &responses[place]).collect();
        let Some(first) = shown.first() else { return Vec::new() };
        if self.judge.template.has_turns() {
            // Only a judge of one response has turns.
            let place = group[0];
            let sample = |number: usize| (place, before + number);
            let turns = (0..times).map(|number| self.by_turns(&desk, first, sample(number), past));
            return all(turns).await;
        }
        let question = match self.judge.question(problem, &shown) {
            Ok(question) => question,
            Err(refusal) => {
                desk.refuse(first.node, &refusal);
                return vec![Err(refusal); times];
            }
        };
        let asked = self.meta.as_ref().filter(|meta| meta.jury.is_some());
        let asked = asked.map(|meta| (meta, question.clone()));
        let ask = Ask::of(question).about(first.node).aside().times(times);
        let next = first.steps.len() + 1;
        let lines = match self.judge.decision() {
            Some(decision) if !decision.critique => {
                let lines = desk.ask(self.decided(ask.append(&decision.cue), decision)).await;
                lines.into_iter().map(|line| (line.score, Looks::of(line))).collect()
            }
            decision => {
                let lines = desk.ask(self.written(ask, 1, next)).await;
                let again = lines.into_iter().map(|line| self.look_again(&desk, line, next));
                let looks = all(again).await;
                self.end(desk, looks.into_iter().flatten().collect(), decision).await
            }
        };
        let failed = times.saturating_sub(lines.len());
        let read = |(number, (meta, looks)): (usize, (f64, Looks))| {
            let (line, said) = (&looks.last().line, self.read(&looks, &shown));
            if let Err(refusal) = &said {
                desk.refuse(line.node, refusal);
            }
            let Said { scores, steps } = said?;
            let (node, sample) = (line.node, before + number);
            Ok(Judgement { node, sample, shown: group.clone(), scores, steps, meta })
        };
        let texts: Vec<String> = match &asked {
            Some(_) => lines.iter().map(|(_, looks)| looks.last().line.text()).collect(),
            None => Vec::new(),
        };
        let mut samples: Vec<Sample> = lines.into_iter().enumerate().map(read).collect();
        if let Some((meta, question)) = asked {
            let mut known: Vec<(&mut Judgement, String)> = samples
                .iter_mut()
                .zip(texts)
                .filter_map(|(sample, text)| Some((sample.as_mut().ok()?, text)))
                .collect();
            let written = known.iter().map(|(judgement, text)| (judgement.node, text.clone()));
            let trusted = meta.trusts(&desk, &question, written.collect()).await;
            for ((judgement, _), trusted) in known.iter_mut().zip(trusted.unwrap_or_default()) {
                judgement.meta = trusted;
            }
        }
        samples.extend((0..failed).map(|_| Err(Refusal::Failed)));
        samples
    }

    /// A judgement as it is written, in the turn of a step; `next` is the number behind the last step that it is about.
    pub(super) fn written(&self, ask: Ask, step: usize, next: usize) -> Ask {
        let begin = self.judge.begin_of(step);
        let ask = if begin.is_empty() { ask } else { ask.append(begin) };
        self.drawn(ask, self.judge.again.is_empty(), next)
    }

    /// How a judgement is drawn, of steps up to that before `next`; a scorer reads its last look.
    pub(super) fn drawn(&self, ask: Ask, last: bool, next: usize) -> Ask {
        let ask = ask.rule(self.judge.rule(0, Some(next))).sampling(self.judge.sampling);
        let ask = self.role.iter().cloned().fold(ask, Ask::by);
        let scorer = self.judge.head().or(self.meta.as_ref().and_then(Meta::scorer));
        match scorer.filter(|_| last) {
            Some(scorer) => ask.judged_by(scorer),
            None => ask.unjudged(),
        }
    }

    /// A decision as it is drawn.
    fn decided(&self, ask: Ask, decision: &Decision) -> Ask {
        let room = u32::try_from(decision.cue.len()).unwrap_or(u32::MAX).saturating_add(16);
        let ask = ask.rule(self.judge.rule(room, None)).sampling(self.judge.sampling);
        // The probability of a word is that of one token; a word alone may have some before it.
        let tokens = if decision.by == By::Word { 8 } else { 1 };
        let ask = self.role.iter().cloned().fold(ask.until(Until::Tokens(tokens)), Ask::by);
        match &decision.by {
            By::Scorer(name) => ask.judged_by(name),
            _ => ask.unjudged(),
        }
    }

    /// The ends of critiques: themselves, or decisions behind them.
    async fn end(
        &self,
        desk: Asker<'_>,
        critiques: Vec<Looks>,
        decision: Option<&Decision>,
    ) -> Vec<(f64, Looks)> {
        let meta = |looks: Looks| (looks.last().line.score, looks);
        let Some(decision) = decision else { return critiques.into_iter().map(meta).collect() };
        let ends = critiques.into_iter().map(meta).map(|(meta, looks)| async move {
            let line = &looks.last().line;
            if !line.is_finished() {
                // What it would have come to is not known.
                desk.refuse(line.node, &Refusal::Cut);
                return None;
            }
            // What ended the critique is taken back: its end token, or the stop text that opens the cue.
            let ask = Ask::behind(line.node).aside().keep(line.kept()).append(&decision.cue);
            Some((meta, Looks::of(desk.line(self.decided(ask, decision)).await?)))
        });
        all(ends).await.into_iter().flatten().collect()
    }

    /// What a judgement says of the responses that were shown.
    fn read(&self, looks: &Looks, shown: &[&Response]) -> Result<Said, Refusal> {
        let line = &looks.last().line;
        let scored = |name: &str| {
            let missing = || Refusal::missing(format!("score by the scorer {name:?}"));
            if line.score.is_finite() { Ok(line.score) } else { Err(missing()) }
        };
        let score = match (self.judge.decision(), self.judge.head()) {
            // A judgement that was cut may not be its last word.
            (None, _) if !line.is_finished() => return Err(Refusal::Cut),
            (None, None) => return self.judge.read_looks(looks, shown),
            (None, Some(head)) => scored(head)?,
            (Some(decision), _) => match &decision.by {
                By::Word => return self.judge.read(&line.text(), shown),
                By::Scorer(name) => scored(name)?,
                By::Probability => Self::likely(decision, line)?,
            },
        };
        let [low, high] = self.judge.reading.range();
        if !(low..=high).contains(&score) {
            return Err(Refusal::value(
                &score.to_string(),
                format!("a score from {low} to {high}"),
            ));
        }
        Ok(Said { scores: vec![score], steps: Vec::new() })
    }

    /// A decision by the probability of the word that was drawn.
    fn likely(decision: &Decision, line: &Line) -> Result<f64, Refusal> {
        let last = line.steps.last().and_then(|step| step.logprobs.last());
        let logprob = last.ok_or_else(|| Refusal::missing("log-probability of the decision"))?;
        let said = line.text();
        let word = said.rsplit_once(decision.cue.trim()).map_or(&*said, |(_, word)| word);
        decision.expectation(word, f64::from(*logprob))
    }

    /// # Errors
    /// A sentence that names the field at fault, or says which settings mean nothing together.
    pub fn check(&self) -> Result<(), String> {
        let named = |problem: String| format!("judge: {problem}");
        self.judge.check().map_err(named)?;
        let [least, most] = self.judge.takes();
        let together = self.together;
        if together != 0 && together < least {
            return Err(named(format!(
                "together is {together}, and a judgement is about at least {least}"
            )));
        }
        if together > most {
            return Err(named(format!(
                "together is {together}, and a judgement is about at most {most}"
            )));
        }
        if self.repeats == 0 {
            return Err(named("repeats is 0, expected at least 1".into()));
        }
        if self.repeats > 1 && self.is_single() {
            let repeats = self.repeats;
            return Err(named(format!(
                "repeats is {repeats}, and a judgement is about one response, which has no order to share"
            )));
        }
        if self.order == Order::Mirrored && self.is_single() {
            return Err(named(
                "order is mirrored, and a judgement is about one response, which has no order"
                    .into(),
            ));
        }
        if self.order == Order::Mirrored {
            let pairs = self.repeats.saturating_mul(2);
            let batch = self.sure.map(|sure| ("sure.batch", sure.batch));
            for (field, count) in [Some(("samples", self.samples)), batch].into_iter().flatten() {
                if !count.is_multiple_of(pairs) {
                    return Err(named(format!(
                        "order is mirrored, and {field} is {count} with repeats of {}, so that an order has no mirror: \
                         expected a multiple of {pairs}",
                        self.repeats
                    )));
                }
            }
        }
        if self.vote == Vote::Winners && self.sure.is_some() {
            return Err(named(
                "sure looks at mean scores, and vote is winners: leave one out".into(),
            ));
        }
        let all = self.together == 0 && most == usize::MAX;
        if self.vote == Vote::Sum && !all {
            return Err(named(
                "vote is sum, and not every judgement is about all responses: their numbers may differ, \
                 expected mean or winners"
                    .into(),
            ));
        }
        if self.vote == Vote::Winners && self.is_single() {
            return Err(named("vote is winners, and a judgement is about one response".into()));
        }
        if let Some(meta) = &self.meta {
            meta.check(&self.judge, self.samples).map_err(named)?;
            if self.sure.is_some() {
                return Err(named(
                    "sure looks at all judgements, and meta keeps some: leave one out".into(),
                ));
            }
        }
        self.sure.map_or(Ok(()), |sure| sure.check().map_err(named))?;
        self.check_counts().map_err(named)
    }

    /// Whether samples are as many as their other settings mean, and can differ; without samples nothing is asked.
    fn check_counts(&self) -> Result<(), String> {
        let Self { samples, repeats, .. } = *self;
        if samples > 0 && repeats > samples {
            return Err(format!(
                "repeats is {repeats}, and samples is {samples}: expected as many at most"
            ));
        }
        if let Some(Sure { batch, .. }) = self.sure.filter(|_| samples > 0) {
            if batch >= samples {
                return Err(format!(
                    "sure.batch is {batch}, and samples is {samples}: none could be left out, expected fewer"
                ));
            }
            if repeats > batch {
                return Err(format!(
                    "repeats is {repeats}, and sure.batch is {batch}: expected as many at most"
                ));
            }
        }
        let alike = self.is_single() || self.order == Order::Fixed || repeats > 1;
        if self.judge.sampling.temperature <= 0.0 && samples > 1 && alike {
            return Err(format!(
                "sampling.temperature is 0, and {samples} samples are asked the same: all would say the same, expected 1, \
                 or a temperature above 0"
            ));
        }
        Ok(())
    }

    /// The same, and whether all of so many responses can be judged; of `None`, however many there are.
    pub(super) fn check_for(&self, responses: Option<usize>) -> Result<(), String> {
        self.check()?;
        let [least, most] = self.takes();
        let beyond = responses.map_or(most < usize::MAX, |responses| responses > most);
        if self.order == Order::Fixed && least > 1 && beyond {
            let all = responses.map_or("any number of".to_owned(), |all| all.to_string());
            return Err(format!(
                "judge: order is fixed, and a judgement is about at most {most} of {all} responses: the same would \
                 always meet, expected shuffled or mirrored"
            ));
        }
        Ok(())
    }

    /// What it needs of a search.
    pub fn requires(&self) -> Requirements {
        if self.samples == 0 {
            return Requirements::default();
        }
        let meta = self.meta.as_ref().map(Meta::requires).unwrap_or_default();
        let mut scorers: Vec<String> = meta.scorers.into_iter().collect();
        if let Some(Decision { by: By::Scorer(name), .. }) = self.judge.decision() {
            scorers.push(name.clone());
        }
        scorers.extend(self.judge.head().map(str::to_owned));
        Requirements {
            roles: self.role.iter().cloned().chain(meta.roles).collect(),
            scorers,
            ..Requirements::default()
        }
    }
}
