//! A problem of the panel family as text: what is asked, and the responses to be judged.
//!
//! ```text
//! g:b desc n=4 even s=24
//! 1:8 6 6 4
//! 2:9 6 4 2
//! ```
//!
//! Source: none.

use std::fmt;

use super::criteria::{Criterion, Wanted};

/// A query with the responses to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Query {
    pub(super) wanted: Wanted,
    pub(super) responses: Vec<Vec<i64>>,
}

impl Query {
    /// The place of the response that is worth most, and by how much; `None` where two are.
    pub(super) fn best(&self) -> Option<(usize, i64)> {
        let worth: Vec<i64> =
            self.responses.iter().map(|response| self.wanted.worth(response)).collect();
        let best = (0..worth.len()).max_by_key(|&place| worth[place])?;
        let others = (0..worth.len()).filter(|&place| place != best);
        let margin = worth[best] - others.map(|place| worth[place]).max()?;
        (margin > 0).then_some((best, margin))
    }

    /// The scores, 1 to 10, that a judge comes to by these two criteria.
    pub(super) fn scores(&self, principles: [Criterion; 2]) -> Vec<i64> {
        let grade = |response: &Vec<i64>, criterion| self.wanted.grade(criterion, response).1;
        let score =
            |response| principles.map(|criterion| grade(response, criterion)).iter().sum::<i64>();
        self.responses.iter().map(|response| score(response).max(1)).collect()
    }

    /// Reads a query; a line `>` behind it is that of the prompt.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && *line != ">");
        let head = lines.next().ok_or("no query")?;
        let words: Vec<&str> = head.split_whitespace().collect();
        let [genre, order, count, parity, sum] = words[..] else {
            return Err(format!("{head:?}, expected five words like g:b desc n=4 even s=24"));
        };
        let number = |word: &str, name: &str| {
            let number = word.strip_prefix(name).and_then(|number| number.parse::<usize>().ok());
            number
                .filter(|number| *number <= 999)
                .ok_or(format!("{word:?}, expected {name} and a number"))
        };
        let either = |word: &str, yes: &str, no: &str| match word {
            _ if word == yes => Ok(true),
            _ if word == no => Ok(false),
            _ => Err(format!("{word:?}, expected {yes} or {no}")),
        };
        let letter = genre.strip_prefix("g:").and_then(|letter| "abcde".find(letter));
        let genre =
            letter.filter(|_| genre.len() == 3).ok_or(format!("{genre:?}, expected g:a to g:e"))?;
        let wanted = Wanted {
            genre,
            descending: either(order, "desc", "asc")?,
            count: number(count, "n=")?,
            even: either(parity, "even", "odd")?,
            sum: i64::try_from(number(sum, "s=")?).unwrap_or(0),
        };
        let mut responses = Vec::new();
        for (line, place) in lines.zip(1..) {
            let numbers = line.strip_prefix(&format!("{place}:"));
            let numbers = numbers.ok_or(format!("{line:?}, expected response {place}"))?;
            let digit =
                |word: &str| word.parse::<i64>().ok().filter(|digit| (1..=9).contains(digit));
            let digits: Option<Vec<i64>> = numbers.split_whitespace().map(digit).collect();
            let digits = digits.filter(|digits| !digits.is_empty());
            responses.push(digits.ok_or(format!("{line:?}, expected digits from 1 to 9"))?);
        }
        if responses.len() < 2 || responses.len() > 9 {
            return Err(format!("{} responses, expected 2 to 9", responses.len()));
        }
        Ok(Self { wanted, responses })
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Wanted { genre, descending, count, even, sum } = self.wanted;
        let letter = char::from(b"abcde"[genre % 5]);
        let (order, parity) =
            (if descending { "desc" } else { "asc" }, if even { "even" } else { "odd" });
        write!(f, "g:{letter} {order} n={count} {parity} s={sum}")?;
        for (response, place) in self.responses.iter().zip(1..) {
            let numbers: Vec<String> = response.iter().map(i64::to_string).collect();
            write!(f, "\n{place}:{}", numbers.join(" "))?;
        }
        Ok(())
    }
}
