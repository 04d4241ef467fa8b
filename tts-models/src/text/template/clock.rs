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

/// Formats the time `seconds` after 1970-01-01, or says which directive is unknown.
pub(super) fn strftime(format: &str, seconds: i64) -> Result<String, String> {
    // Beyond a million years the arithmetic is of no use to anybody.
    let seconds = seconds.clamp(-31_556_952_000_000, 31_556_952_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let weekday = DAYS[usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0)];
    let month_name = MONTHS[(month - 1) % 12];
    let hour = second / 3600;
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        // Writing to a string cannot fail.
        let _ = match rest.next() {
            Some('Y') => write!(out, "{year}"),
            Some('y') => write!(out, "{:02}", year.rem_euclid(100)),
            Some('m') => write!(out, "{month:02}"),
            Some('d') => write!(out, "{day:02}"),
            Some('e') => write!(out, "{day:>2}"),
            Some('B') => write!(out, "{month_name}"),
            Some('b' | 'h') => write!(out, "{}", &month_name[..3]),
            Some('A') => write!(out, "{weekday}"),
            Some('a') => write!(out, "{}", &weekday[..3]),
            Some('H') => write!(out, "{hour:02}"),
            Some('I') => write!(out, "{:02}", (hour + 11) % 12 + 1),
            Some('p') => write!(out, "{}", if hour < 12 { "AM" } else { "PM" }),
            Some('M') => write!(out, "{:02}", second / 60 % 60),
            Some('S') => write!(out, "{:02}", second % 60),
            Some('F') => write!(out, "{year}-{month:02}-{day:02}"),
            Some('%') => write!(out, "%"),
            other => {
                let other = other.map(String::from).unwrap_or_default();
                return Err(format!("strftime_now: unknown directive \"%{other}\""));
            }
        };
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
        assert!(strftime("%Q", 0).is_err() && strftime("%", 0).is_err());
        assert!(strftime("%F", i64::MIN).is_ok() && strftime("%F", i64::MAX).is_ok());
    }
}
