//! Quotations: where they begin and end in a line.
//!
//! Typographic marks come in pairs that tell the beginning from the end. Of straight ones a mark with a blank or a
//! bracket before it begins a quotation, one with a letter or a point before it ends one; so the sign of inches in
//! `a 12" record` begins nothing, and ends a quotation only where no later mark does. A quotation without an end goes to the
//! end of its line, as in paragraphs that each begin with a mark.
//!
//! Source: none; the marks of Unicode's category of quotation marks.

use std::ops::Range;

/// What a quotation is closed by, for each mark that opens one.
fn closing(open: char) -> Option<&'static [char]> {
    Some(match open {
        '"' => &['"'],
        '“' => &['”', '"'],
        '„' => &['“', '”', '"'],
        '«' => &['»'],
        '»' => &['«'],
        '”' => &['”'],
        '「' => &['」'],
        '『' => &['』'],
        '＂' => &['＂'],
        '〝' => &['〞', '〟'],
        _ => return None,
    })
}

/// Whether a straight mark may begin a quotation behind this, and before that.
fn opens(before: Option<char>, behind: Option<char>) -> bool {
    let before = before.is_none_or(|c| c.is_whitespace() || "([{<>-–—:*_/“„«'‘".contains(c));
    before && behind.is_some_and(|c| !c.is_whitespace())
}

/// Where the quotations of a line stand, in bytes and with their marks.
pub(super) fn quotations(line: &str) -> Vec<Range<usize>> {
    let letters: Vec<(usize, char)> = line.char_indices().collect();
    let before = |place: usize| place.checked_sub(1).map(|place| letters[place].1);
    let behind = |place: usize| letters.get(place + 1).map(|(_, c)| *c);
    // Marks that end quotations elsewhere begin one only where one may begin.
    let begins = |place: usize| {
        !matches!(letters[place].1, '"' | '”' | '»') || opens(before(place), behind(place))
    };
    let (mut out, mut place) = (Vec::new(), 0);
    while place < letters.len() {
        let (at, open) = letters[place];
        let Some(close) = closing(open).filter(|_| begins(place)) else {
            place += 1;
            continue;
        };
        let ends = |from: usize| {
            let mut ends = (from..letters.len()).filter(|&end| close.contains(&letters[end].1));
            // One with a blank before it only where there is no other.
            let spaced = ends.clone().next();
            let tight = |&end: &usize| {
                letters[end].1 != '"' || before(end).is_some_and(|c| !c.is_whitespace())
            };
            ends.find(tight).or(spaced)
        };
        let mut end = ends(place + 1);
        let inches =
            |end: usize| letters[end].1 == '"' && before(end).is_some_and(|c| c.is_ascii_digit());
        if let Some(first) = end.filter(|&end| inches(end)) {
            // Another mark that ends something, before one that begins something: the quotation's own.
            let next = ends(first + 1).filter(|&next| !inches(next));
            let begun = |next: &usize| {
                !(first + 1..*next).any(|other| letters[other].1 == '"' && begins(other))
            };
            end = next.filter(begun).or(end);
        }
        let until = end.map_or(line.len(), |end| letters[end].0 + letters[end].1.len_utf8());
        out.push(at..until);
        place = end.map_or(letters.len(), |end| end + 1);
    }
    out
}

/// What stands between the marks of a quotation.
pub(super) fn inside(quotation: &str) -> &str {
    let mut letters = quotation.chars();
    let close = letters.next().and_then(closing).unwrap_or_default();
    letters.as_str().strip_suffix(close).unwrap_or(letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_that_begin_are_told_from_those_that_end() {
        let of = |line: &str| -> Vec<String> {
            quotations(line).into_iter().map(|at| inside(&line[at]).to_owned()).collect()
        };
        for (line, expected) in [
            ("It says \"a b c. D e.\" [1] and \"f\".", &["a b c. D e.", "f"][..]),
            ("The 12\" record says \"a b c\".", &["a b c"]),
            ("\"a 12\" record is here\" [1]", &["a 12\" record is here"]),
            ("He said \"in 1912\" and \"b\".", &["in 1912", "b"]),
            ("“a „b” c", &["a „b"]),
            ("„a b“ and «c d» and 「e」", &["a b", "c d", "e"]),
            ("\"no end here", &["no end here"]),
            ("\"a b \" and c", &["a b "]),
            ("5\" and 6\" and x\"y", &[]),
            ("(\"a\")*\"b\"*", &["a", "b"]),
            ("”a b” and »c« but Home » News, and x” too", &["a b", "c"]),
        ] {
            assert_eq!(of(line), expected, "{line}");
        }
    }
}
