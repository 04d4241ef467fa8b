//! What a judge is shown: a problem, and responses to it that cannot pass for anything else.
//!
//! A response is shown between marks of the template. One that holds such marks itself, or what the judge's
//! verdict looks like, would end its own block early, or be quoted as a verdict; so a space is put into each of
//! these where they stand in a response. One that is longer than the judge's limit is shown without its
//! middle, and says so, lest it crowd out the others. What it says in words, to the judge say, stays:
//! nothing but the judge can weigh that.
//!
//! Source: none; the attacks are those of Raina et al. 2024 (arXiv 2402.14016) and Zheng et al. 2024 (arXiv
//! 2410.07137).

use tts_core::judge::shown;
use tts_core::{NodeId, Tree};

/// A solution to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Its last node.
    pub node: NodeId,
    /// Its steps, in order.
    pub steps: Vec<String>,
}

impl Response {
    /// The path that ends at a node; blank steps at its end are left out.
    pub fn of(tree: &Tree, node: NodeId) -> Self {
        let mut steps: Vec<String> =
            tree.path(node).iter().map(|&id| tree[id].step.text.clone()).collect();
        while steps.last().is_some_and(|step| step.trim().is_empty()) {
            steps.pop();
        }
        Self { node, steps }
    }

    /// A text of one step, of no tree in particular.
    pub fn text(text: impl Into<String>) -> Self {
        Self { node: NodeId::ROOT, steps: vec![text.into()] }
    }

    /// All of it.
    pub fn whole(&self) -> String {
        self.steps.concat()
    }
}

/// Steps as they are shown, with their places: at most so many characters of all of them. Where they are more, each has a
/// part of these; where that would be less than a line, whole steps of the middle are left out, which is said behind the last
/// one before.
pub(super) fn steps_shown(
    steps: &[String],
    marks: &[String],
    longest: usize,
) -> Vec<(usize, String)> {
    /// Characters of a step from which showing a part of it says something.
    const LINE: usize = 80;
    let count = steps.len();
    let show = |longest: usize, place: usize| unnumbered(&shown(&steps[place], marks, longest));
    let all = |longest: usize| (0..count).map(|place| (place, show(longest, place))).collect();
    let whole: usize = steps.iter().map(|step| step.chars().count()).sum();
    if whole <= longest {
        return all(longest);
    }
    let most = (longest / LINE).max(2);
    if count <= most {
        return all((longest / count.max(1)).max(1));
    }
    let (head, tail) = (most.div_ceil(2), most / 2);
    let places = (0..head).chain(count - tail..count);
    let mut all: Vec<_> = places.map(|place| (place, show(longest / most, place))).collect();
    let note = format!("\n(... {} steps are left out here ...)", count - most);
    all[head - 1].1.push_str(&note);
    all
}

/// The text of a step in which no line but the first begins as a step does: `Step 2` becomes `S tep 2`.
pub(super) fn unnumbered(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let label = line.trim_start_matches(|c: char| !c.is_alphanumeric());
        let opens = label.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("step "))
            && label[5..].trim_start().starts_with(|c: char| c.is_ascii_digit());
        if number > 0 && opens {
            out.push_str(&line[..=line.len() - label.len()]);
            out.push(' ');
            out.push_str(&label[1..]);
        } else {
            out.push_str(line);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many characters as are allowed, and notes; of short steps as of long ones.
    #[test]
    fn many_steps_lose_those_of_the_middle() {
        for length in [10, 700] {
            let steps: Vec<String> =
                (0..10_000).map(|place| format!("{place}{}", "m".repeat(length))).collect();
            let found = steps_shown(&steps, &[], 1_600);
            let places: Vec<usize> = found.iter().map(|(place, _)| *place).collect();
            assert_eq!(places, (0..10).chain(9_990..10_000).collect::<Vec<_>>());
            assert!(found[9].1.ends_with("\n(... 9980 steps are left out here ...)"), "{found:?}");
            assert!(found[10].1.starts_with("9990m"), "{found:?}");
            let shown: usize = found.iter().map(|(_, text)| text.matches('m').count()).sum();
            assert!(shown <= 1_600, "{shown}");
            let whole: usize = found.iter().map(|(_, text)| text.len()).sum();
            assert!(whole < 1_600 + 21 * 60, "{whole}");
        }
        let steps = |count: usize| vec!["m".repeat(100); count];
        // All of them at the limit, a part of each above it.
        assert_eq!(
            steps_shown(&steps(16), &[], 1_600).iter().map(|(_, text)| text.len()).sum::<usize>(),
            1_600
        );
        assert_eq!(steps_shown(&steps(20), &[], 1_600).len(), 20);
        assert_eq!(steps_shown(&steps(21), &[], 1_600).len(), 20);
        assert!(steps_shown(&[], &[], 10).is_empty());
    }

    #[test]
    fn a_step_opens_no_other() {
        for (text, expected) in [
            ("Step 1: a\nStep 2: b", "Step 1: a\nS tep 2: b"),
            ("a\n **step  3** b\n", "a\n **s tep  3** b\n"),
            ("a\nStep by step 2\nin Step 4", "a\nStep by step 2\nin Step 4"),
            ("é\nésteps 4", "é\nésteps 4"),
            ("", ""),
        ] {
            assert_eq!(unnumbered(text), expected);
        }
    }
}
