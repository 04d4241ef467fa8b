//! Votes over a handmade tree: where two rules choose differently, and who answers for a class.

use tts_core::{
    Aggregate, Finish, Node, NodeId, NodeKind, Prompt, Rule, Scale, Selection, Step, Tree,
};

/// Finished solutions below the root, in order, as nodes 1, 2, ...
fn tree(scale: Scale, solutions: &[(&str, f64)]) -> Tree {
    let mut tree = Tree::new(Prompt::from("2 + 2?"), 0).with_scale(scale);
    for (answer, score) in solutions {
        let text = format!("The answer is {answer}.");
        tree.grow(NodeId::ROOT, &text, Finish::Stop, Some(*score));
    }
    tree
}

fn pick(tree: &Tree, rule: Rule) -> Option<u32> {
    Selection { rule, aggregate: Aggregate::Last }.pick(tree).map(|id| id.0)
}

/// Two at 2 against one at 3: as they are the two win, 4 to 3; raised, the one does, 20.1 to 14.8.
#[test]
fn the_exponential_weighs_other_than_the_score_itself() {
    let tree = tree(Scale::UNSTATED, &[("4", 2.0), ("4", 2.0), ("5", 3.0)]);
    assert_eq!(pick(&tree, Rule::Weighted), Some(1));
    assert_eq!(pick(&tree, Rule::WeightedExp), Some(3));
    // Flattened by the logistic function, 0.88 each against 0.95.
    assert_eq!(pick(&tree, Rule::WeightedSigmoid), Some(1));
}

/// Three logits of -1 against one of 0.9: 3 x 0.27 to 0.71, and as they are nothing to 0.9.
#[test]
fn the_logistic_function_weighs_other_than_the_score_itself() {
    let solutions = [("4", -1.0), ("4", -1.0), ("4", -1.0), ("5", 0.9)];
    let tree = tree(Scale::UNSTATED, &solutions);
    assert_eq!(pick(&tree, Rule::Weighted), Some(4));
    assert_eq!(pick(&tree, Rule::WeightedSigmoid), Some(1));
}

#[test]
fn the_best_member_answers_for_the_winning_class() {
    let solutions = [("4", 0.3), ("5", 0.9), ("4", 0.8), ("4.0", 0.8), ("4", 0.5)];
    let tree = tree(Scale::PREFIX, &solutions);
    // Nodes 3 and 4 are equal: the first of them.
    for rule in [Rule::Majority, Rule::Weighted, Rule::WeightedExp, Rule::WeightedSigmoid] {
        assert_eq!(pick(&tree, rule), Some(3), "{rule:?}");
    }
    assert_eq!(pick(&tree, Rule::Best), Some(2));
}

#[test]
fn where_nobody_has_an_answer_the_first_of_the_best_is_returned() {
    let mut tree = Tree::new(Prompt::from("2 + 2?"), 0).with_scale(Scale::PREFIX);
    for score in [0.2, 0.7, 0.7] {
        tree.grow(NodeId::ROOT, "I do not know", Finish::Stop, Some(score));
    }
    for rule in [Rule::Best, Rule::Majority, Rule::Weighted] {
        assert_eq!(pick(&tree, rule), Some(2), "{rule:?}");
    }
    assert_eq!(tree.best(Aggregate::Last), Some(NodeId(2)));
}

#[test]
fn the_least_step_decides_by_the_minimum() {
    let mut tree = Tree::new(Prompt::from("2 + 2?"), 0).with_scale(Scale::STEP);
    for scores in [[0.9, 0.1, 0.9], [0.3, 0.4, 0.5]] {
        let mut at = NodeId::ROOT;
        for (score, finish) in scores.into_iter().zip([Finish::Step, Finish::Step, Finish::Stop]) {
            at = tree.grow(at, "so it is 4.\n", finish, Some(score));
        }
        assert_eq!(tree.score(at, Aggregate::Min), scores.into_iter().reduce(f64::min));
    }
    assert_eq!(tree.best(Aggregate::Min), Some(NodeId(6)));
    assert_eq!(tree.best(Aggregate::Last), Some(NodeId(3)));
}

/// A finished solution that somebody went on from is no candidate: its continuation is.
#[test]
fn a_solution_that_goes_on_is_no_candidate() {
    let mut tree = tree(Scale::PREFIX, &[("4", 0.9), ("5", 0.2)]);
    let more = tree.grow(NodeId(1), " Or 5.", Finish::Stop, Some(0.1));
    assert_eq!(tree.candidates(), [NodeId(2), more]);
    // A question about it takes nothing away.
    tree.pose(NodeId(2), Prompt::from("Sure?"), NodeKind::Aside);
    assert_eq!(tree.candidates(), [NodeId(2), more]);
}

/// What a strategy says of a node goes before what its scorer said, there and nowhere below.
#[test]
fn a_value_stands_in_for_the_score() {
    let mut tree = tree(Scale::PREFIX, &[("4", 0.9)]);
    let (parent, step) = (NodeId::ROOT, Step { text: "5".into(), ..Step::default() });
    let (finish, score, value) = (Finish::Stop, Some(0.1), Some(0.95));
    let looked = tree.push(Node { finish, score, value, depth: 1, ..Node::new(parent, step) });
    assert_eq!(tree.score(looked, Aggregate::Last), value);
    assert_eq!(tree.scores(looked), [0.95]);
    assert_eq!(tree.best(Aggregate::Last), Some(looked));
    let below = tree.grow(looked, "6", Finish::Stop, Some(0.3));
    assert_eq!(tree.score(below, Aggregate::Min), Some(0.1));
}

/// Asides and candidates are counted apart: one asked first moves no seed of the other.
#[test]
fn a_question_has_the_same_seed_whatever_was_asked_beside_it() {
    let ask = |kinds: &[NodeKind]| -> Vec<(NodeKind, u64)> {
        let mut tree = tree(Scale::PREFIX, &[("4", 0.9)]);
        let pose = |&kind: &NodeKind| tree.pose(NodeId(1), Prompt::from("Sure?"), kind);
        let posed: Vec<NodeId> = kinds.iter().map(pose).collect();
        posed.into_iter().map(|id| (tree[id].kind, tree[id].seed)).collect()
    };
    let (aside, committed) = (NodeKind::Aside, NodeKind::Committed);
    let asides = ask(&[aside, aside]);
    let both = ask(&[committed, aside, committed, aside]);
    assert_eq!([both[1], both[3]], [asides[0], asides[1]]);
    assert_ne!(asides[0], asides[1]);
    assert_eq!([both[0], both[2]], ask(&[committed, committed])[..]);
    assert_ne!(both[0].1, both[2].1);
}
