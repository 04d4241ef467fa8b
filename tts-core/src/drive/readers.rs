//! Who has read what: so that every reading is charged once, to whom it is owed.
//!
//! A generator or scorer reads a prompt once, whatever is sampled from it, and the steps of a path that
//! others wrote once. Readers are numbered: the policy, the roles, the scorer, the named scorers.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cost::ModelCost;
use crate::fast::IdMap;
use crate::{Cost, NodeId, Price, Reads, Settings, Tree};

/// What is charged by a reader.
#[derive(Debug)]
struct Reader {
    cost: ModelCost,
    vocabulary: Option<u64>,
    name: Arc<str>,
    price: Price,
    /// Of a scorer that reads more than paths: the most that it has read for one, and whether paths came besides.
    reads: Option<(u64, bool)>,
}

/// Readings that a round is known to bring.
#[derive(Debug, Default)]
pub(super) struct Foreseen {
    prompts: BTreeSet<(NodeId, usize)>,
    steps: BTreeSet<(NodeId, usize)>,
}

#[derive(Debug)]
pub(super) struct Readers {
    all: Vec<Reader>,
    roles: usize,
    /// Tokens of the prompt of a question, as a reader counts them, once it has read it.
    prompts: IdMap<(NodeId, usize), u64>,
    /// The most tokens that anyone counted in the prompt of a question.
    longest: IdMap<NodeId, u64>,
    /// The most of all questions.
    longest_of_all: u64,
    /// For each node the readers that have read it, as bits.
    read: Vec<u64>,
}

impl Readers {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut all = vec![Reader {
            cost: settings.policy.cost,
            vocabulary: settings.policy.vocabulary,
            name: "".into(),
            price: settings.prices.writer(""),
            reads: None,
        }];
        all.extend(settings.roles.iter().map(|(name, writer)| Reader {
            cost: writer.cost,
            vocabulary: writer.vocabulary,
            name: name.as_str().into(),
            price: settings.prices.writer(name),
            reads: None,
        }));
        let roles = all.len();
        let own = settings.scorer.clone().unwrap_or_default();
        let scorers = std::iter::once(("", &own));
        let scorers = scorers.chain(settings.scorers.iter().map(|(name, s)| (name.as_str(), s)));
        all.extend(scorers.map(|(name, judge)| Reader {
            cost: judge.cost,
            vocabulary: judge.vocabulary,
            name: name.into(),
            price: settings.prices.scorer(name),
            reads: None,
        }));
        let (prompts, longest) = (IdMap::default(), IdMap::default());
        Self { all, roles, prompts, longest, longest_of_all: 0, read: Vec::new() }
    }

    /// The number of a role; `None` names the policy.
    pub(super) fn role(&self, name: Option<&str>) -> Option<usize> {
        let Some(name) = name else { return Some(0) };
        self.all[1..self.roles].iter().position(|reader| *reader.name == *name).map(|at| at + 1)
    }

    /// The number of a scorer; `None` names the search's.
    pub(super) fn scorer(&self, name: Option<&str>) -> Option<usize> {
        let Some(name) = name else { return Some(self.roles) };
        let named = self.roles + 1;
        self.all[named..].iter().position(|reader| *reader.name == *name).map(|at| at + named)
    }

    /// The name of a role, shared; `None` of the policy.
    pub(super) fn name(&self, reader: usize) -> Option<Arc<str>> {
        (reader > 0).then(|| Arc::clone(&self.all[reader].name))
    }

    pub(super) fn cost(&self, reader: usize) -> ModelCost {
        self.all[reader].cost
    }

    pub(super) fn price(&self, reader: usize) -> Price {
        self.all[reader].price
    }

    pub(super) fn vocabulary(&self, reader: usize) -> Option<u64> {
        self.all[reader].vocabulary
    }

    /// The most tokens that anyone counted in the prompt of a question; 0 before it was read.
    pub(super) fn prompt_tokens(&self, question: NodeId) -> u64 {
        self.longest.get(&question).copied().unwrap_or(0)
    }

    /// The longest prompt so far.
    pub(super) fn longest_prompt(&self) -> u64 {
        self.longest_of_all
    }

    /// What so many tokens cost a reader that neither writes nor judges them, behind so many others.
    fn reading(&self, (reader, cost): (usize, ModelCost), context: u64, tokens: u64) -> Cost {
        Cost {
            read_tokens: tokens,
            flops: cost.flops(context, tokens),
            money: self.price(reader).of(tokens, 0, 0),
            ..Cost::default()
        }
    }

    /// What reading the prompt of a question of so many tokens costs: nothing the second time.
    pub(super) fn read_prompt(
        &mut self,
        question: NodeId,
        (reader, cost): (usize, ModelCost),
        tokens: u64,
    ) -> Cost {
        if self.prompts.contains_key(&(question, reader)) {
            return Cost::default();
        }
        self.prompts.insert((question, reader), tokens);
        let longest = self.longest.entry(question).or_default();
        *longest = tokens.max(*longest);
        self.longest_of_all = tokens.max(self.longest_of_all);
        self.reading((reader, cost), 0, tokens)
    }

    /// Tokens of the prompt of a question as a reader counted them.
    pub(super) fn counted(&self, question: NodeId, reader: usize) -> u64 {
        self.prompts.get(&(question, reader)).copied().unwrap_or(0)
    }

    /// What reading the steps up to `end` costs that a reader has not read, behind a prompt of so many tokens; they
    /// count as read from now on.
    pub(super) fn read_path(
        &mut self,
        tree: &Tree,
        end: NodeId,
        (reader, cost): (usize, ModelCost),
        prompt_tokens: u64,
    ) -> Cost {
        self.read.resize(tree.len(), 0);
        let bit = 1_u64 << reader;
        let mut unread = 0;
        for node in self.unread(tree, end, reader) {
            self.read[node.index()] |= bit;
            unread += tree[node].step.tokens.len() as u64;
        }
        if unread == 0 {
            return Cost::default();
        }
        let context = prompt_tokens + tree.tokens(end) - unread;
        self.reading((reader, cost), context, unread)
    }

    /// The nodes up to `end` that a reader has not read, from there back.
    fn unread(&self, tree: &Tree, end: NodeId, reader: usize) -> Vec<NodeId> {
        let bit = 1_u64 << reader;
        let (mut at, mut found) = (end, Vec::new());
        while let node = &tree[at]
            && let (false, Some(parent)) = (node.is_question(), node.parent)
        {
            if self.read.get(at.index()).is_some_and(|read| read & bit != 0) {
                break;
            }
            found.push(at);
            at = parent;
        }
        found
    }

    /// Money that a reader would pay to go on from `end`, shown a question: for its prompt, as long as anyone has counted
    /// it (a token a byte before), and the steps that it has not read; what is foreseen already is not foreseen again,
    /// and nothing of a scorer that reads texts of its own in place of paths.
    pub(super) fn due(
        &self,
        tree: &Tree,
        (end, question): (NodeId, NodeId),
        reader: usize,
        foreseen: &mut Foreseen,
    ) -> f64 {
        if matches!(self.all[reader].reads, Some((_, false))) {
            return 0.0;
        }
        let mut tokens = 0;
        if !self.prompts.contains_key(&(question, reader))
            && foreseen.prompts.insert((question, reader))
        {
            let counted = [question, tree.question(end)].map(|asked| self.prompt_tokens(asked));
            let counted = counted.into_iter().find(|&tokens| tokens > 0);
            tokens += counted.unwrap_or_else(|| tree.asked(question).bytes());
        }
        // Two paths may have steps in common.
        let steps = self.unread(tree, end, reader).into_iter();
        let steps = steps.take_while(|&node| foreseen.steps.insert((node, reader)));
        tokens += steps.map(|node| tree[node].step.tokens.len() as u64).sum::<u64>();
        self.price(reader).of(tokens, 0, 0)
    }

    /// A scorer has read this for a path.
    pub(super) fn note_reads(&mut self, scorer: usize, reads: Reads) {
        let known = &mut self.all[scorer].reads;
        let (most, path) = known.unwrap_or_default();
        *known = Some((most.max(reads.tokens), path || reads.path.is_some()));
    }

    /// The tokens that a scorer is taken to read for a path of so many fresh ones: the most that it has read for one before
    /// comes to them, or stands in their place.
    pub(super) fn to_score(&self, scorer: usize, fresh: u64) -> u64 {
        match self.all[scorer].reads {
            None => fresh,
            Some((most, true)) => fresh + most,
            Some((most, false)) => most,
        }
    }

    /// A reader has read a node: it wrote it, or judged it.
    pub(super) fn mark(&mut self, tree: &Tree, node: NodeId, reader: usize) {
        self.read.resize(tree.len(), 0);
        self.read[node.index()] |= 1 << reader;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokenizers count differently: what is planned for is the longest reading, whoever reads last.
    #[test]
    fn the_longest_reading_of_a_prompt_counts() {
        let mut readers = Readers::new(&Settings::default());
        for (reader, tokens) in [(0, 100), (1, 10)] {
            readers.read_prompt(NodeId::ROOT, (reader, ModelCost::default()), tokens);
            assert_eq!(readers.counted(NodeId::ROOT, reader), tokens);
        }
        assert_eq!((readers.prompt_tokens(NodeId::ROOT), readers.longest_prompt()), (100, 100));
        // Of all questions, in whatever order they are read.
        for (question, tokens, expected) in [(1, 300, 300), (2, 50, 300)] {
            readers.read_prompt(NodeId(question), (0, ModelCost::default()), tokens);
            let counted = (readers.prompt_tokens(NodeId(question)), readers.longest_prompt());
            assert_eq!(counted, (tokens, expected));
        }
    }
}
