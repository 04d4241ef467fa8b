//! A report as Markdown: points, differences, reward models, turns, and what models say of themselves.
//!
//! What a reader has to know beside the figures is said by the program, not by hand: whether training
//! was repeated, how many tests a table holds, which rows are interpolated, whether the recipe has
//! changed since.
//!
//! Source: none; a format of this library.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use tts_core::Until;
use tts_core::metrics::Auc;
use tts_search::evaluate::percent;

use super::choice::{Chosen, Found, Policy};
use super::compare::{Difference, SURE, linear};
use super::measure::DRAWS;
use super::recipe::{Along, Recipe};
use super::report::Report;
use super::turns::Turn;
use crate::Error;

impl Report {
    /// The report in Markdown.
    ///
    /// # Errors
    /// Never: a string is written to.
    pub fn markdown(&self, name: &str) -> Result<String, Error> {
        let Recipe { title, claim, problems, seeds, temperature, retrain, pool, .. } = &self.recipe;
        let mut text = String::new();
        writeln!(text, "# {title}\n\n{claim}\n")?;
        if !self.recipe.limits.is_empty() {
            writeln!(text, "**Limits.** {}\n", self.recipe.limits)?;
        }
        let models = if *retrain { "each with its own models" } else { "one set of models" };
        let each = if *seeds == 1 { "seed" } else { "seeds" };
        let origin = self.origin(name);
        let recipe = match &self.from {
            Some(path) => format!("`{path}`"),
            None => format!("[`{name}.json`](../../examples/experiments/{name}.json)"),
        };
        let small = if self.quick { " A quick run, at a tenth of the size." } else { "" };
        writeln!(
            text,
            "{problems} held-out problems, {seeds} {each} ({models}), temperature {temperature}, pools of \
             {pool}; on {}.{small} Recipe: {recipe}, run with `cargo run --release -p tts-examples --bin \
             experiment -- {origin}`; all figures: [`{name}.json`]({name}.json).\n",
            self.machine
        )?;
        self.notes(&mut text, name)?;
        writeln!(text, "![{title}]({name}.svg)\n")?;
        if self.test_time().is_some() {
            writeln!(text, "![{title}: along tokens, by policy]({name}-tokens.svg)\n")?;
        }
        self.points(&mut text)?;
        self.coverage(&mut text)?;
        self.lengths(&mut text)?;
        self.differences(&mut text)?;
        self.saved(&mut text)?;
        self.matched(&mut text)?;
        self.bins(&mut text)?;
        self.choice(&mut text)?;
        self.verdicts(&mut text)?;
        self.turns(&mut text)?;
        self.models(&mut text)?;
        self.training(&mut text, name)?;
        Ok(text)
    }

    /// What the figures hold, and what they can be checked by.
    fn notes(&self, text: &mut String, name: &str) -> Result<(), Error> {
        if self.recipe.holds_luck_of_training() {
            writeln!(
                text,
                "There is one trained model of each kind: the luck of its training is in every figure, and \
                 in no interval or p-value.\n"
            )?;
        }
        let since =
            super::find(self.origin(name)).is_ok_and(|(_, recipe)| !self.recipe.asks_as(&recipe));
        if since && !self.quick {
            writeln!(
                text,
                "The recipe has changed since, and is told above as it is now: the figures are of the one that \
                 stands in the JSON.\n"
            )?;
        }
        if self.has_values() {
            writeln!(
                text,
                "Values by problem: [`values/{name}.csv.gz`](values/{name}.csv.gz); `experiment --recompute \
                 {name}` computes intervals and p-values again from them.\n"
            )?;
        } else {
            writeln!(
                text,
                "Values by problem are not kept: intervals and p-values cannot be computed again before \
                 the next run.\n"
            )?;
        }
        Ok(())
    }

    fn points(&self, text: &mut String) -> Result<(), Error> {
        let own = self.recipe.along == Along::X;
        let axis = self.recipe.axis.as_deref().unwrap_or("x");
        let (head, rule) =
            if own { (format!(" {axis} |"), " ---: |") } else { (String::new(), "") };
        let trained = self.points.iter().any(|point| point.training.is_some());
        let (last, last_rule) =
            if trained { (" operations of reinforcement, before |", " ---: |") } else { ("", "") };
        writeln!(
            text,
            "| method | N |{head} accuracy | generated tokens | scored | operations |{last}"
        )?;
        writeln!(text, "| --- | ---: |{rule} --- | ---: | ---: | ---: |{last_rule}")?;
        for point in &self.points {
            let [low, high] = point.accuracy.interval.map(percent);
            let x = if own { format!(" {} |", point.x) } else { String::new() };
            let training = match point.training {
                Some(operations) => format!(" {operations:.2e} |"),
                None if trained => " - |".to_owned(),
                None => String::new(),
            };
            writeln!(
                text,
                "| {} | {} |{x} {} ({low} to {high}) | {:.0} | {:.0} | {:.1e} |{training}",
                point.arm,
                point.n,
                percent(point.accuracy.mean),
                point.generated_tokens,
                point.scored_tokens,
                point.operations
            )?;
        }
        Ok(())
    }

    /// How coverage grows.
    fn coverage(&self, text: &mut String) -> Result<(), Error> {
        if self.coverage.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\nThe law of coverage, `exp(a N^b)`, fitted to the share of problems that some of N samples solves, with \
             95 % intervals over problems; beyond the largest N it is a guess.\n"
        )?;
        writeln!(text, "| curve | a | b | off by, in points |\n| --- | --- | --- | ---: |")?;
        for (arm, law) in &self.coverage {
            let with =
                |value: f64, [low, high]: [f64; 2]| format!("{value:.3} ({low:.3} to {high:.3})");
            let [a, b] = [with(law.a, law.intervals[0]), with(law.b, law.intervals[1])];
            writeln!(text, "| {arm} | {a} | {b} | {:.1} |", 100.0 * law.error)?;
        }
        Ok(())
    }

    fn differences(&self, text: &mut String) -> Result<(), Error> {
        if self.differences.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\nPaired differences, in points, with 95 % intervals over problems; p by random signs, beside \
             it p adjusted for all {} of this table (Holm). Intervals are each for itself: sure is what \
             has an adjusted p below {SURE}, in bold. {DRAWS} draws of signs give a p of 0.05 a standard \
             error of {:.3}, so that what is narrowly sure is no more than that.\n",
            self.differences.len(),
            (0.05 * 0.95 / DRAWS as f64).sqrt()
        )?;
        writeln!(text, "| first | second | N | at | difference | interval | p | adjusted |")?;
        writeln!(text, "| --- | --- | ---: | --- | ---: | --- | ---: | ---: |")?;
        let own = self.recipe.along == Along::X;
        for difference in &self.differences {
            let paired = &difference.paired;
            let [low, high] = paired.interval.map(|end| 100.0 * end);
            let x = if own { format!(", {}", difference.x) } else { String::new() };
            writeln!(
                text,
                "| {} | {} | {}{x} | {} | {:+.2} | {low:+.2} to {high:+.2} | {:.4} | {} |",
                difference.sides()[0],
                difference.sides()[1],
                difference.n,
                self.cost(difference),
                100.0 * paired.difference,
                paired.p_value,
                if difference.adjusted < SURE {
                    format!("**{:.4}**", difference.adjusted)
                } else {
                    format!("{:.4}", difference.adjusted)
                }
            )?;
        }
        if self.differences.iter().any(Difference::is_interpolated) {
            writeln!(
                text,
                "\nWhere a row says *interpolated*, the second was not run at that budget: it was taken \
                 between its two neighbouring points, linearly in the logarithm of the cost. What a scale \
                 linear in the cost itself would give stands beside it; where the two disagree, the row \
                 tells of the scale, not of the arms. The next run takes the second at a budget of its own."
            )?;
        }
        Ok(())
    }

    /// What is the same for both arms of a difference.
    fn cost(&self, difference: &Difference) -> String {
        if !difference.is_interpolated() {
            return difference.at.clone();
        }
        let linear = linear(&self.points, difference);
        let linear =
            linear.map_or_else(String::new, |linear| format!("; linear {:+.2}", 100.0 * linear));
        format!("{}, *interpolated*{linear}", difference.at)
    }

    /// Arms by difficulty.
    fn bins(&self, text: &mut String) -> Result<(), Error> {
        let Some(difficulty) = &self.difficulty else { return Ok(()) };
        let [low, high] = difficulty.pass_at_1.interval.map(percent);
        writeln!(
            text,
            "\nBy difficulty, the easiest fifth first, from {} samples apart: pass@1 {} ({low} to {high}), \
             some right for {}.\n",
            difficulty.samples,
            percent(difficulty.pass_at_1.mean),
            percent(difficulty.pass_at_samples.mean)
        )?;
        let mut row =
            |name: &str, cells: Vec<String>| writeln!(text, "| {name} | {} |", cells.join(" | "));
        let bins = &difficulty.bins;
        row("fifth", (1..=bins.len()).map(|number| number.to_string()).collect())?;
        row("---", vec!["---:".to_owned(); bins.len()])?;
        row("pass@1", bins.iter().map(|bin| percent(bin.pass_at_1)).collect())?;
        row("some sample right", bins.iter().map(|bin| percent(bin.solvable)).collect())?;
        for point in self.points.iter().filter(|point| !point.by_difficulty.is_empty()) {
            let cells = point.by_difficulty.iter().map(|&mean| percent(mean)).collect();
            row(&format!("{} {}", point.arm, point.n), cells)?;
        }
        Ok(())
    }

    /// The choice between arms.
    fn choice(&self, text: &mut String) -> Result<(), Error> {
        let (Some(worth), Some(asked)) = (&self.choice, &self.recipe.choice) else { return Ok(()) };
        let Chosen { baseline, n, bins, probe, .. } = asked;
        let what = if asked.until == Until::End { "samples" } else { "first steps of samples" };
        writeln!(
            text,
            "\nThe choice between {}, in {bins} bins by a probe of {probe} {what} ({:.0} tokens), on halves of \
             the problems that had no say in it. Tokens over those of {baseline} at N = {n}, where as many are \
             right, with the 95 % interval over problems, of the draws that get there:\n",
            asked.arms.join(", "),
            worth.probe_tokens
        )?;
        if asked.reuse {
            writeln!(
                text,
                "Gone on from, the samples of the probe are the first lines of the arm that is chosen, and what it \
                 does not ask for of them is paid on top; paid, they are thrown away. By price, a budget is \
                 of all problems together, and what easy ones save is spent on others; else it bounds the \
                 mean tokens of each arm.\n"
            )?;
        }
        writeln!(text, "| chosen | ratio | interval | draws that get there |")?;
        writeln!(text, "| --- | ---: | --- | ---: |")?;
        for Policy { name, ratio, .. } in &worth.policies {
            let found = ratio.ratio.map_or("never".to_owned(), |ratio| format!("{ratio:.2}"));
            let interval = ratio.interval.filter(|_| ratio.ratio.is_some());
            let interval =
                interval.map_or("-".to_owned(), |[low, high]| format!("{low:.2} to {high:.2}"));
            writeln!(text, "| {name} | {found} | {interval} | {} |", percent(ratio.reached))?;
        }
        for Policy { name, levels, .. } in &worth.policies {
            writeln!(text, "\nChosen {name}; arms by bin, the easiest first:\n")?;
            writeln!(text, "| budget | tokens | accuracy | arms |")?;
            writeln!(text, "| ---: | ---: | --- | --- |")?;
            let changed = |found: &&Found, before: Option<&Found>| {
                before.is_none_or(|before| before.arms != found.arms)
            };
            let before = std::iter::once(None).chain(levels.iter().map(Some));
            // A larger budget that changes no choice says nothing new.
            let told = levels.iter().zip(before).filter(|(found, before)| changed(found, *before));
            for (Found { budget, tokens, accuracy, arms }, _) in told {
                let ([low, high], arms) = (accuracy.interval.map(percent), arms.join(", "));
                let mean = percent(accuracy.mean);
                writeln!(
                    text,
                    "| {budget:.0} | {tokens:.0} | {mean} ({low} to {high}) | {arms} |"
                )?;
            }
        }
        Ok(())
    }

    fn verdicts(&self, text: &mut String) -> Result<(), Error> {
        let Some(judged) = self.recipe.judged.as_ref().filter(|_| !self.verdicts.is_empty()) else {
            return Ok(());
        };
        writeln!(
            text,
            "\nReward models on {} solutions of each problem by {}; areas under the ROC curve, mean over \
             seeds (first seed's 95 % interval):\n",
            judged.samples, judged.policy
        )?;
        writeln!(
            text,
            "| reward model | steps: can a right solution follow (V*) | steps: right or wrong | solutions \
             of one problem | calibration error against V* |"
        )?;
        writeln!(text, "| --- | --- | --- | ---: | ---: |")?;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let area = |all: &[Option<Auc>]| {
            let all: Option<Vec<&Auc>> = all.iter().map(Option::as_ref).collect();
            let Some((all, first)) = all.as_ref().and_then(|all| Some((all, all.first()?))) else {
                return "-".to_owned();
            };
            let areas: Vec<f64> = all.iter().map(|auc| auc.area).collect();
            let [low, high] = first.interval;
            format!("{:.3} ({low:.3} to {high:.3})", mean(&areas))
        };
        for verdict in &self.verdicts {
            let within: Option<Vec<f64>> = verdict.within_problems.iter().copied().collect();
            let error: Option<Vec<f64>> = verdict.calibration_error.iter().copied().collect();
            writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                verdict.model,
                area(&verdict.steps),
                area(&verdict.errors),
                within.map_or_else(|| "-".to_owned(), |within| format!("{:.3}", mean(&within))),
                error.map_or_else(|| "-".to_owned(), |error| percent(mean(&error)))
            )?;
        }
        Ok(())
    }

    fn turns(&self, text: &mut String) -> Result<(), Error> {
        if self.turns.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\nRevisions in turn; broken and mended are shares of what was right and wrong a turn before:\n"
        )?;
        writeln!(text, "| policy | turn | right | broken | mended |")?;
        writeln!(text, "| --- | ---: | ---: | ---: | ---: |")?;
        let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), percent);
        for Turn { policy, turn, right, broken, mended } in &self.turns {
            let (broken, mended) = (share(*broken), share(*mended));
            writeln!(text, "| {policy} | {turn} | {} | {broken} | {mended} |", percent(*right))?;
        }
        Ok(())
    }

    /// What models say of their making, a table for each set of fields.
    fn models(&self, text: &mut String) -> Result<(), Error> {
        let mut tables: BTreeMap<Vec<String>, Vec<(&String, Vec<String>)>> = BTreeMap::new();
        for (name, report) in &self.models {
            let mut flat = Vec::new();
            flatten(report, &mut flat);
            if flat.is_empty() {
                continue;
            }
            let (fields, values): (Vec<String>, Vec<String>) = flat.into_iter().unzip();
            tables.entry(fields).or_default().push((name, values));
        }
        for (fields, rows) in tables {
            writeln!(text, "\n| model | {} |", fields.join(" | ").replace('_', " "))?;
            writeln!(text, "| --- |{}", " ---: |".repeat(fields.len()))?;
            for (name, values) in rows {
                writeln!(text, "| {name} | {} |", values.join(" | "))?;
            }
        }
        Ok(())
    }
}

/// Numbers of a report with their names, nested ones side by side.
fn flatten(value: &Value, into: &mut Vec<(String, String)>) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        match value {
            Value::Object(_) => flatten(value, into),
            Value::Number(number) => {
                let text = match number.as_f64().filter(|_| !(number.is_u64() || number.is_i64())) {
                    Some(fraction) => format!("{fraction:.3}"),
                    None => number.to_string(),
                };
                into.push((name.clone(), text));
            }
            _ => {}
        }
    }
}
