//! Clock times and dates: not the ratio, the difference or the product that their characters spell.
//!
//! `3:45 PM` and `3:45 p.m.` are one time, `May 5, 2023` and `5 May 2023` one date. Without a half of
//! the day, `15:45` is a ratio as well, and a time only beside a time.

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

pub(super) const MONTH_NAMES: [&str; 13] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "sept",
    "october",
    "november",
    "december",
];

/// Longer answers are neither times nor dates.
const MAX_LENGTH: usize = 60;

/// One spelling of a clock time or a date, if the answer is one. It holds a space, which no other
/// text answer does.
pub(super) fn moment(core: &str) -> Option<String> {
    // What has operators or these commands is a formula.
    let formula = |b: u8| b"^_=+*()[]<>|".contains(&b);
    let command = |pair: &[u8]| matches!(pair, [b'\\', b'f' | b's' | b'p' | b'd']);
    if core.bytes().any(formula) || core.as_bytes().windows(2).any(command) {
        return None;
    }
    let text = lowered(core)?;
    let text = text.trim();
    clock(text).or_else(|| numeric_date(text)).or_else(|| date(text))
}

/// The time that `15:45` is beside a time.
pub(super) fn hours(core: &str) -> Option<String> {
    let text = lowered(core)?;
    let (hour, minute) = text.trim().split_once(':')?;
    let minute = minute.trim_end_matches(" hours").trim_end_matches(" h");
    let two = minute.len() == 2 && (1..=2).contains(&hour.len());
    let (hour, minute) = (hour.parse::<u32>().ok()?, minute.parse::<u32>().ok()?);
    (two && hour < 24 && minute < 60).then(|| spelled(hour, minute, 0))
}

fn lowered(core: &str) -> Option<String> {
    if core.len() > MAX_LENGTH || !core.contains(|c: char| c.is_alphabetic() || "-/:".contains(c)) {
        return None;
    }
    let mut text = String::with_capacity(core.len());
    let mut rest = core;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '\\' => {
                // `\!` closes a gap, other commands of style and space leave one.
                if let Some(after) = rest.strip_prefix('!') {
                    rest = after;
                    continue;
                }
                let names = ["text", "mbox", "mathrm", "rm", ",", ";", ":"];
                rest = names.iter().find_map(|name| rest.strip_prefix(name)).unwrap_or(rest);
                text.push(' ');
            }
            '{' | '}' | '$' => {}
            '~' | '\u{a0}' | '\u{202f}' => text.push(' '),
            _ if c.is_ascii() => text.push(c.to_ascii_lowercase()),
            _ => text.extend(c.to_lowercase()),
        }
    }
    Some(text)
}

fn spelled(hour: u32, minute: u32, second: u32) -> String {
    format!("{hour}:{minute:02}:{second:02} o'clock")
}

/// `3 PM`, `3:00 p.m.`, `noon`
fn clock(text: &str) -> Option<String> {
    match text {
        "noon" | "12 noon" | "midday" => return Some(spelled(12, 0, 0)),
        "midnight" | "12 midnight" => return Some(spelled(0, 0, 0)),
        _ => {}
    }
    let text = text.replace('.', "");
    let halves = [("am", 0), ("a m", 0), ("pm", 12), ("p m", 12)];
    let (time, half) =
        halves.iter().find_map(|(end, half)| Some((text.strip_suffix(end)?.trim(), *half)))?;
    let mut fields = time.split(':').map(|field| field.trim().parse::<u32>());
    let hour = fields.next()?.ok().filter(|hour| *hour <= 24)?;
    let minute = fields.next().unwrap_or(Ok(0)).ok().filter(|minute| *minute < 60)?;
    let second = fields.next().unwrap_or(Ok(0)).ok().filter(|second| *second < 60)?;
    // 12 AM is midnight; `15:45 PM` says its half twice.
    let hour = if hour <= 12 { hour % 12 + half } else { hour };
    fields.next().is_none().then(|| spelled(hour, minute, second))
}

/// `2023-05-01`, `1/5/2023`: three numbers, one of them a year, joined alike.
fn numeric_date(text: &str) -> Option<String> {
    let mark = text.chars().find(|c| !c.is_ascii_digit()).filter(|c| matches!(c, '-' | '/'))?;
    let fields: Vec<&str> = text.split(mark).collect();
    let year = |field: &&str| field.len() == 4;
    let short = |field: &&str| (1..=2).contains(&field.len());
    let ([first, middle, last], true) =
        (fields.as_slice(), text.bytes().all(|b| b.is_ascii_digit() || b == mark as u8))
    else {
        return None;
    };
    let dated = short(middle) && ((year(first) && short(last)) || (short(first) && year(last)));
    let fields: Vec<u32> = fields.iter().filter_map(|field| field.parse().ok()).collect();
    let days = fields.iter().all(|n| *n >= 1 && (*n <= 31 || *n >= 1000));
    let spelled: Vec<String> = fields.iter().map(u32::to_string).collect();
    (dated && days && fields.len() == 3).then(|| format!("date {}", spelled.join("-")))
}

/// `5 May 2023`, `May 5th`: one month, and numbers.
fn date(text: &str) -> Option<String> {
    let mut month = None;
    let mut numbers = Vec::new();
    for word in text.split([' ', ',', '.']).filter(|word| !word.is_empty()) {
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            let digits = ["st", "nd", "rd", "th"]
                .iter()
                .find_map(|end| word.strip_suffix(end))
                .unwrap_or(word);
            numbers.push(digits.parse::<u32>().ok()?);
        } else if MONTHS.contains(&word) || MONTH_NAMES.contains(&word) {
            if month.replace(word.get(..3)?).is_some() {
                return None;
            }
        } else if !matches!(word, "of" | "the") {
            return None;
        }
    }
    let month = month.filter(|_| (1..=2).contains(&numbers.len()))?;
    let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
    Some(format!("date {month} {}", numbers.join(" ")))
}
