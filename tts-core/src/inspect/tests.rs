//! What a page holds, what became of paths, and pictures that keep to their bounds.

use serde_json::Value;

use super::*;
use crate::toy::{Oracle, Sample, ToyWorld};
use crate::{
    Decided, Expand, Finish, NodeId, NodeKind, Outcome, Prompt, Scale, Search, StepRule, Stop,
    Tree, Usage,
};

fn outcome(tree: Tree, best: Option<NodeId>) -> Outcome {
    let (stop, usage) = (Stop::Done, Usage::default());
    let (failed, unscored, curtailed) = (Vec::new(), Vec::new(), Vec::new());
    Outcome { tree, best, stop, usage, failed, unscored, curtailed, prompt_tokens: 0 }
}

/// The data of the searches of a page, in order.
fn data(page: &str) -> Vec<Value> {
    let parts = page.split("<script type=\"application/json\" class=\"case\"").skip(1);
    let json = |part: &str| {
        let (_, rest) = part.split_once('>').expect("an element");
        let (json, _) = rest.split_once("</script>").expect("an end");
        serde_json::from_str(json).expect("JSON")
    };
    parts.map(json).collect()
}

/// Two rounds: three steps, of which one goes on, one has its text, and one is better.
fn small() -> Tree {
    let mut tree = Tree::new(Prompt::from("1 + 1?"), 7).with_scale(Scale::PREFIX);
    let on = tree.grow(NodeId::ROOT, "1 + 1 ", Finish::Step, Some(0.5));
    tree.grow(NodeId::ROOT, "1 + 1 ", Finish::Step, Some(0.5));
    tree.grow(NodeId::ROOT, "I see ", Finish::Step, Some(0.75));
    tree.grow(NodeId::ROOT, "So be it ", Finish::Step, Some(0.25));
    tree.grow(NodeId::ROOT, "Well ", Finish::Length, Some(0.25));
    tree.grow(on, "= 2.", Finish::Stop, Some(0.9));
    tree.grow(on, "= 3", Finish::Step, None);
    tree
}

#[test]
fn fates_by_hand() {
    let tree = small();
    let told = fates(&tree, &[]);
    let passed = |at: usize| match &told[at] {
        Fate::Pruned(passed) => {
            (passed.round, passed.rank, passed.ends, passed.continued, passed.same)
        }
        other => panic!("node {at}: {other:?}"),
    };
    assert_eq!((&told[0], &told[1], &told[6]), (&Fate::Beside, &Fate::Continued, &Fate::Finished));
    assert_eq!(passed(2), (2, 2, 5, 1, Some(NodeId(1))));
    assert_eq!(passed(3), (2, 1, 5, 1, None));
    assert_eq!(passed(4), (2, 4, 5, 1, None));
    assert_eq!((&told[5], &told[7]), (&Fate::Cut(Finish::Length), &Fate::Left));
    assert_eq!(
        told[2].to_string(),
        "not continued in round 2: place 2 of 5 by score, with 0.5000; 1 was, from 0.5000 to 0.5000. \
         Node 1, which was, has the same text"
    );
    assert!(told[3].to_string().ends_with("strategies also go by subtree and number"));
    assert!(told[4].to_string().ends_with("from 0.5000 to 0.5000"));
}

#[test]
fn a_search_that_goes_on_elsewhere_passes_over_what_it_leaves() {
    let mut tree = Tree::new(Prompt::from("1 + 1?"), 7);
    let left = tree.grow(NodeId::ROOT, "Well, ", Finish::Step, None);
    let first = tree[left].round;
    let again = tree.grow(NodeId::ROOT, "1 + 1 = 2.", Finish::Stop, None);
    tree.node_mut(again).round = first + 1;
    let told = fates(&tree, &[]);
    let Fate::Pruned(passed) = &told[1] else { panic!("{:?}", told[1]) };
    assert_eq!((passed.round, passed.ends, passed.continued, passed.score), (2, 1, 0, None));
    assert!(told[1].to_string().contains("the search went on elsewhere"));
    // What is kept within a step goes on, as its record tells.
    let kept = Expand { keep: Some(1), ..Expand::step(left, 1) };
    let decided = [Decided { round: 2, expands: vec![kept] }];
    assert_eq!(fates(&tree, &decided)[1], Fate::Continued);
    let beside = [Decided {
        round: 2,
        expands: vec![Expand { kind: NodeKind::Aside, keep: Some(1), ..Expand::step(left, 1) }],
    }];
    assert!(matches!(fates(&tree, &beside)[1], Fate::Pruned(_)));
}

#[test]
fn a_question_that_is_answered_continues_what_it_is_about() {
    let mut tree = Tree::new(Prompt::from("1 + 1?"), 7);
    let draft = tree.grow(NodeId::ROOT, "It is ", Finish::Step, None);
    let again = tree.pose(draft, Prompt::from("Once more."), NodeKind::Committed);
    let critique = tree.pose(draft, Prompt::from("Is it?"), NodeKind::Aside);
    tree.grow(critique, "No.", Finish::Stop, None);
    // Asked, and not answered yet: also when it is asked later.
    let later = tree.pose(draft, Prompt::from("And?"), NodeKind::Committed);
    assert!(tree[later].round > tree[draft].round && tree[again].round == tree[draft].round);
    assert_eq!(fates(&tree, &[])[1], Fate::Left);
    tree.grow(again, "It is 2.", Finish::Stop, None);
    let told = fates(&tree, &[]);
    assert_eq!((&told[1], &told[2], &told[6]), (&Fate::Continued, &Fate::Beside, &Fate::Finished));
}

/// Answers that count as one need not all be right: a group is what the vote would return of it.
#[test]
fn a_group_is_right_where_its_best_member_is() {
    let guessed = "132=132; 132";
    let solved = "50*3=150; 7 25 150\n25-7=18; 18 150\n150-18=132; 132";
    for (scores, right) in [([0.2, 0.9], true), ([0.9, 0.2], false), ([0.5, 0.5], false)] {
        let tree = Tree::new(Prompt::from("3 7 25 50 -> 132"), 7).with_scale(Scale::PREFIX);
        let mut tree = tree.with_task(std::sync::Arc::new(crate::task::Puzzle));
        tree.grow(NodeId::ROOT, guessed, Finish::Stop, Some(scores[0]));
        tree.grow(NodeId::ROOT, solved, Finish::Stop, Some(scores[1]));
        let returned = crate::Selection::weighted().pick(&tree).expect("a choice");
        assert_eq!(tree.verdict(returned, "132").is_right(), right);
        let page = Page::new("Votes").case(Case::of("puzzle", outcome(tree, None)).gold("132"));
        let groups = &data(&page.html())[0]["votes"]["groups"];
        assert_eq!(groups.as_array().map(Vec::len), Some(1));
        assert_eq!(groups[0]["right"].as_bool(), Some(right), "{scores:?}");
    }
}

#[test]
fn a_page_holds_all_of_a_search() {
    let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
    let search = Search::new(world).scorer(Oracle { noise: 0.3, seed: 5 }).rule(StepRule::lines());
    let outcome = search.run(Sample { n: 9 }, world.prompt(0)).expect("runs");
    let page = Page::new("Samples").case(Case::of("nine", outcome.clone()).gold(world.answer(0)));
    let page = page.html();
    let data = &data(&page)[0];
    let nodes = data["nodes"].as_array().expect("nodes");
    assert_eq!(nodes.len(), outcome.tree.len());
    for ((_, node), shown) in outcome.tree.iter().zip(nodes) {
        assert_eq!(shown["t"], node.step.text.as_str());
        assert_eq!(shown["s"].as_f64(), node.score);
        assert_eq!(shown["c"][1], node.cost.generated_tokens);
        let logprobs = shown["l"].as_array().map_or(0, Vec::len);
        assert_eq!(logprobs, node.step.logprobs.len());
        assert_eq!(shown["i"].as_array().map_or(0, Vec::len), logprobs);
        for (shown, logprob) in shown["l"].as_array().into_iter().flatten().zip(&node.step.logprobs)
        {
            assert!((shown.as_f64().expect("a number") - f64::from(*logprob)).abs() <= 5e-4);
        }
        assert_eq!(shown["p"].as_u64(), node.parent.map(|parent| u64::from(parent.0)));
    }
    assert_eq!(nodes[0]["q"][0][1], world.prompt(0).question());
    assert_eq!(data["best"], outcome.best.expect("an answer").0);
    assert_eq!(data["answer"].as_str(), outcome.answer().as_deref());
    assert_eq!(data["right"], outcome.verdict(&world.answer(0)).is_right());
    assert_eq!((&data["scale"]["low"], &data["scale"]["high"]), (&0.0.into(), &1.0.into()));
    assert_eq!(data["cost"][1], outcome.usage.logical.generated_tokens);
    // All nine vote, and the answers of a group are the same.
    let groups = data["votes"]["groups"].as_array().expect("groups");
    let count = |group: &Value| group["count"].as_u64().expect("a number");
    assert_eq!(groups.iter().map(count).sum::<u64>(), 9);
    assert!(groups.len() > 1 && groups.is_sorted_by_key(|group| std::cmp::Reverse(count(group))));
    for group in groups {
        for node in group["nodes"].as_array().expect("nodes") {
            let id = NodeId(u32::try_from(node.as_u64().expect("an id")).expect("small"));
            assert_eq!(outcome.tree.answer(id), group["answer"].as_str());
        }
        assert_eq!(group["right"], group["answer"] == world.answer(0).as_str());
    }
    let ends = data["rounds"][0]["finished"].as_u64();
    assert_eq!((ends, data["rounds"][0]["ends"].as_u64()), (Some(9), Some(9)));
}

#[test]
fn nothing_that_a_model_wrote_is_markup() {
    let hostile = "</script><script>x</script><!--<img src=x onerror=\"y\">' {{z}} \u{2028}&lt;";
    let mut tree = Tree::new(Prompt::chat(hostile, hostile), 7);
    let end = tree.grow(NodeId::ROOT, &format!("The answer is {hostile}"), Finish::Stop, None);
    let asked = tree.pose(end, Prompt::text(hostile), NodeKind::Aside);
    tree.grow(asked, hostile, Finish::Stop, None);
    let mut outcome = outcome(tree, Some(end));
    outcome.unscored.push(crate::drive::Unscored { node: end, round: 1, why: hostile.into() });
    let figures = Figures {
        facts: vec![(hostile.into(), hostile.into())],
        tables: vec![(hostile.into(), vec![vec![hostile.into()], vec![hostile.into()]])],
        notes: vec![hostile.into()],
        problems: vec![Problem {
            name: hostile.into(),
            note: Some(hostile.into()),
            ..Problem::default()
        }],
        ..Figures::default()
    };
    let case = Case::of(hostile, outcome).gold(hostile);
    let page = Page::new(hostile).figures(figures).case(case).html();
    // Its own elements alone: two of data, one of script.
    assert_eq!(page.matches("<script").count(), 3);
    assert_eq!(page.matches("</script>").count(), 3);
    assert!(!page.contains("<img") && !page.contains("<!--") && !page.contains("onerror=\""));
    let data = &data(&page)[0];
    assert_eq!(data["nodes"][0]["q"][1][1], hostile);
    assert_eq!(data["nodes"][3]["t"], hostile);
    assert_eq!(data["unscored"][0][2], hostile);
}

#[test]
fn a_page_asks_for_nothing() {
    let page = Page::new("Small").case(Case::of("small", outcome(small(), None))).html();
    for word in [
        "http:",
        "https:",
        "src=",
        "@import",
        "url(",
        "fetch(",
        "XMLHttpRequest",
        "innerHTML",
        "eval(",
    ] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("content=\"default-src 'none';"));
}

#[test]
fn a_search_without_an_end_says_so() {
    let world = ToyWorld::default();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a-record.jsonl");
    Search::new(world).record(&path).run(Sample { n: 2 }, world.prompt(0)).expect("runs");
    let whole = Case::read(&path).expect("a record");
    assert_eq!(whole.stop(), Some(Stop::Done));
    let bytes = std::fs::read(&path).expect("a record");
    std::fs::write(&path, &bytes[..bytes.len() - 9]).expect("written");
    let killed = Case::read(&path).expect("a record");
    assert_eq!((killed.stop(), killed.outcome().best), (None, None));
    let page = Page::new("Both").case(whole).case(killed).html();
    let [whole, killed] = &data(&page)[..] else { panic!("two searches") };
    assert_eq!((&whole["ended"], &killed["ended"]), (&true.into(), &false.into()));
    assert!(killed["stop"].as_str().is_some_and(|stop| stop.contains("no end in the record")));
    assert_eq!(whole["name"], "a-record");
    assert!(
        whole["rounds"][0]["asked"][0][1].as_str().is_some_and(|it| it == "2 lines to the end")
    );
}

#[test]
fn pictures_keep_to_their_bounds_and_say_what_is_left_out() {
    let case = Case::of("small", outcome(small(), Some(NodeId(6))));
    let all = dot(&case, 100);
    assert_eq!(all.matches(" -> n").count(), 7);
    assert!(!all.contains("left out") && !all.contains("more"));
    let few = dot(&case, 4);
    // The root, the chosen path, and the best of the rest.
    let shown: Vec<u32> = (0..8).filter(|id| few.contains(&format!("  n{id} ["))).collect();
    assert_eq!(shown, [0, 1, 3, 6]);
    assert!(few.contains("4 of 8 nodes are left out"));
    assert!(few.contains("m0 [label=\"3 more\"") && few.contains("m1 [label=\"1 more\""));
    assert!(few.contains("n1 -> n6 [penwidth=2") && few.contains("pruned, round 2"));
    let drawn = mermaid(&case, 4);
    assert!(drawn.contains("n6[[\"= 2#46;<br/>0.90\"]]:::chosen"), "{drawn}");
    assert!(drawn.contains("n3(\"I see<br/>0.75<br/>pruned, round 2\"):::pruned"));
    assert!(drawn.contains("note[\"4 of 8 nodes are left out\"]"));
    // Edges are counted with those to what is left out.
    assert!(drawn.contains("linkStyle 1,4 "), "{drawn}");
    assert_eq!(dot(&case, 0).matches("label=\"1 + 1?\"").count(), 1);
}

#[test]
fn labels_hold_no_syntax() {
    let mut tree = Tree::new(Prompt::from("\"]; x -> y\\ `a` <b> #quot; 1. z"), 7);
    tree.grow(NodeId::ROOT, "a\"b\\", Finish::Stop, None);
    let case = Case::of("hostile", outcome(tree, None));
    let drawn = dot(&case, 9);
    assert!(drawn.contains("label=\"\\\"]; x -> y\\\\ `a` <b> #quot; 1. z\""), "{drawn}");
    assert!(drawn.contains("label=\"a\\\"b\\\\\""));
    let drawn = mermaid(&case, 9);
    let label = "#34;#93;#59; x #45;#62; y#92; #96;a#96; #60;b#62; #35;quot#59; 1#46; z";
    assert!(drawn.contains(&format!("n0{{{{\"{label}\"}}}}")), "{drawn}");
}
