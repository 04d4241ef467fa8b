//! `strftime_now`: the date as a template wants it written, in UTC.
//!
//! Days are turned into a date of the proleptic Gregorian calendar by counting eras of 400 years.
//!
//! Source: Hinnant, "chrono-Compatible Low-Level Date Algorithms" (`civil_from_days`).

use std::fmt::Write;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Year, month from 1 and day from 1 of the day so many days after 1970-01-01.
fn civil(days: i64) -> (i64, usize, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    // Years begin in March here, so that a leap day comes last.
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, usize::try_from(month).unwrap_or(1), day)
}

/// The day's number in its year, from 1.
fn day_of_year(days: i64) -> i64 {
    let (mut first, mut day) = (days, civil(days));
    // Back to 1 January by whole months.
    while day.1 > 1 || day.2 > 1 {
        first -= if day.2 > 1 { day.2 - 1 } else { 1 };
        day = civil(first);
    }
    days - first + 1
}

/// Formats the time `seconds` after 1970-01-01, or says which directive is unknown.
pub(super) fn strftime(format: &str, seconds: i64) -> Result<String, String> {
    // Beyond a million years the arithmetic is of no use to anybody.
    let seconds = seconds.clamp(-31_556_952_000_000, 31_556_952_000_000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let weekday = DAYS[usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0)];
    let month_name = MONTHS[(month - 1) % 12];
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let hour_of_12 = (hour + 11) % 12 + 1;
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let letter = rest.next();
        // `%-d` is `%d` without what fills it up.
        let bare = letter == Some('-');
        let letter = if bare { rest.next() } else { letter };
        // Writing to a string cannot fail.
        let mut part = String::new();
        let _ = match letter {
            Some('Y') => write!(part, "{year}"),
            Some('y') => write!(part, "{:02}", year.rem_euclid(100)),
            Some('C') => write!(part, "{:02}", year.div_euclid(100)),
            Some('m') => write!(part, "{month:02}"),
            Some('d') => write!(part, "{day:02}"),
            Some('e') => write!(part, "{day:>2}"),
            Some('j') => write!(part, "{:03}", day_of_year(days)),
            Some('B') => write!(part, "{month_name}"),
            Some('b' | 'h') => write!(part, "{}", &month_name[..3]),
            Some('A') => write!(part, "{weekday}"),
            Some('a') => write!(part, "{}", &weekday[..3]),
            Some('w') => write!(part, "{}", (days + 4).rem_euclid(7)),
            Some('u') => write!(part, "{}", (days + 3).rem_euclid(7) + 1),
            Some('H') => write!(part, "{hour:02}"),
            Some('k') => write!(part, "{hour:>2}"),
            Some('I') => write!(part, "{hour_of_12:02}"),
            Some('l') => write!(part, "{hour_of_12:>2}"),
            Some('p') => write!(part, "{}", if hour < 12 { "AM" } else { "PM" }),
            Some('M') => write!(part, "{minute:02}"),
            Some('S') => write!(part, "{second:02}"),
            Some('f') => write!(part, "000000"),
            Some('s') => write!(part, "{seconds}"),
            Some('F') => write!(part, "{year}-{month:02}-{day:02}"),
            Some('D' | 'x') => write!(part, "{month:02}/{day:02}/{:02}", year.rem_euclid(100)),
            Some('T' | 'X') => write!(part, "{hour:02}:{minute:02}:{second:02}"),
            Some('R') => write!(part, "{hour:02}:{minute:02}"),
            Some('c') => write!(
                part,
                "{} {} {day:>2} {hour:02}:{minute:02}:{second:02} {year}",
                &weekday[..3],
                &month_name[..3]
            ),
            // Python's clock without a zone has no name for it.
            Some('Z' | 'z') => Ok(()),
            Some('n') => writeln!(part),
            Some('t') => write!(part, "\t"),
            Some('%') => write!(part, "%"),
            other => {
                let other = other.map(String::from).unwrap_or_default();
                return Err(format!("strftime_now: unknown directive \"%{other}\""));
            }
        };
        let digits = part.trim().bytes().all(|byte| byte.is_ascii_digit());
        if bare && digits && !part.is_empty() {
            let start = part.trim_start_matches([' ', '0']);
            out.push_str(if start.is_empty() { "0" } else { start });
        } else {
            out.push_str(&part);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        // From Python's datetime.
        let format = "%d %b %Y|%A %a %B %e|%H:%M:%S %I %p|%F %y %m %%";
        for (seconds, expected) in [
            (0, "01 Jan 1970|Thursday Thu January  1|00:00:00 12 AM|1970-01-01 70 01 %"),
            (951_782_400, "29 Feb 2000|Tuesday Tue February 29|00:00:00 12 AM|2000-02-29 00 02 %"),
            (1_721_995_845, "26 Jul 2024|Friday Fri July 26|12:10:45 12 PM|2024-07-26 24 07 %"),
            (-1, "31 Dec 1969|Wednesday Wed December 31|23:59:59 11 PM|1969-12-31 69 12 %"),
            (4_107_542_399, "28 Feb 2100|Sunday Sun February 28|23:59:59 11 PM|2100-02-28 00 02 %"),
        ] {
            assert_eq!(strftime(format, seconds).as_deref(), Ok(expected));
        }
        let format = "%-d|%-m|%-H|%-I|%-M|%-S|%-j|%-y|%T|%j|%Z|%D|%R|%c|%X|%u|%w|%C|%k|%l|%f|%-e";
        for (seconds, expected) in [
            (
                0,
                "1|1|0|12|0|0|1|70|00:00:00|001||01/01/70|00:00|Thu Jan  1 00:00:00 1970|00:00:00|4|4|19| 0|12|000000|1",
            ),
            (
                951_782_400,
                "29|2|0|12|0|0|60|0|00:00:00|060||02/29/00|00:00|Tue Feb 29 00:00:00 2000|00:00:00|2|2|20| 0|12|000000|29",
            ),
            (
                1_721_995_845,
                "26|7|12|12|10|45|208|24|12:10:45|208||07/26/24|12:10|Fri Jul 26 12:10:45 2024|12:10:45|5|5|20|12|12|000000|26",
            ),
            (
                -1,
                "31|12|23|11|59|59|365|69|23:59:59|365||12/31/69|23:59|Wed Dec 31 23:59:59 1969|23:59:59|3|3|19|23|11|000000|31",
            ),
            (
                1_733_267_160,
                "3|12|23|11|6|0|338|24|23:06:00|338||12/03/24|23:06|Tue Dec  3 23:06:00 2024|23:06:00|2|2|20|23|11|000000|3",
            ),
            (
                1_733_007_600,
                "30|11|23|11|0|0|335|24|23:00:00|335||11/30/24|23:00|Sat Nov 30 23:00:00 2024|23:00:00|6|6|20|23|11|000000|30",
            ),
        ] {
            assert_eq!(strftime(format, seconds).as_deref(), Ok(expected));
        }
        assert_eq!(strftime("%-%|%-B|%-Z|", 0).as_deref(), Ok("%|January||"));
        assert!(strftime("%-", 0).is_err() && strftime("%-Q", 0).is_err());
        assert!(strftime("%Q", 0).is_err() && strftime("%", 0).is_err());
        assert!(strftime("%F", i64::MIN).is_ok() && strftime("%F", i64::MAX).is_ok());
    }
}
