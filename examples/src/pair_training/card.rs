//! The model card: what the pair is, what it learnt from, what it is worth.

use std::fmt::Write as _;
use std::path::Path;

use tts_core::metrics::{Auc, Share};
use tts_core::plot;

use super::Report;
use super::report::Verifier;
use crate::Error;
use crate::files::write_whole;
use crate::pair;

fn percent(value: f64) -> String {
    format!("{:.1} %", 100.0 * value)
}

fn area(auc: &Auc) -> String {
    format!("{:.3} [{:.3}, {:.3}]", auc.area, auc.interval[0], auc.interval[1])
}

fn within(verifier: &Verifier) -> String {
    let area = verifier.solution_auc_within_problems;
    area.map_or_else(|| "-".to_owned(), |area| format!("{area:.3}"))
}

fn share(share: &Share) -> String {
    let [low, high] = share.interval;
    let range = format!("[{}, {}]", percent(low), percent(high));
    format!("{} {range} of {}", percent(share.share), share.count)
}

/// Writes `report.json`, the reliability charts and `README.md` into the pair's folder.
pub(super) fn write(out: &Path, report: &Report<'_>) -> Result<(), Error> {
    let charts = [
        ("prm", "Process reward model", &report.prm),
        ("orm", "Outcome reward model", &report.orm),
    ];
    for (name, title, verifier) in charts {
        let mut chart = plot::reliability(&verifier.calibration);
        title.clone_into(&mut chart.title);
        chart.write(out.join(format!("reliability-{name}.svg")))?;
    }
    let put = |name: &str, text: String| write_whole(&out.join(name), text.as_bytes());
    put("report.json", format!("{}\n", serde_json::to_string_pretty(report)?))?;
    put("README.md", card(report)?)
}

fn card(report: &Report<'_>) -> Result<String, Error> {
    let mut text = String::new();
    generator(&mut text, report)?;
    verifiers(&mut text, report)?;
    text += "
![Reliability of the process reward model](reliability-prm.svg)
![Reliability of the outcome reward model](reliability-orm.svg)

All figures with their intervals: `report.json`.
";
    Ok(text)
}

fn generator(text: &mut String, report: &Report<'_>) -> Result<(), Error> {
    let Report { config, generator, .. } = report;
    let [low, high] = generator.pass_at_1.interval;
    let fifths: Vec<String> = generator.fifths.iter().map(|&rate| percent(rate)).collect();
    let family = &config.family;
    let shape = pair::shape();
    write!(
        text,
        "# The embedded pair

A generator of arithmetic, a process reward model and an outcome reward model, trained from nothing
by this project, to see search against verifiers work without a download.

```text
47+38*3-26
=47+114-26
=161-26
=135
```

| | |
|---|---|
| Models | Llama decoders of width {hidden}, {layers} layers, {parameters:.2} million parameters, one character a token, 16-bit safetensors: `generator`, `prm`, `orm` |
| Problems | chains of {fewest} to {most} operations (+, -, *) on numbers of {few} to {many} digits; every number on the way lies between 0 and {limit} |
| Splits | by a hash of the problem's text: 80 % train, 10 % validation, 10 % test |
| Generator | {updates} updates of {batch} written solutions out of {problems} |
| Study | the reward models start from the generator's weights and {study_updates} more updates of {study_batch} written solutions out of {studied} |
| Reward models | then {verifier_updates} updates of {verifier_batch} of the generator's own solutions: {samples} samples at temperature {temperature} of each of {sampled} further training problems |
| Labels | the exact checker's. Process: at each token up to and with the first wrong one, learnt by the logit of that token at the place before; a step's score is the product of the probabilities of its tokens. Outcome: whether the answer is right, at every token |
| Not for | arithmetic. They are made to err |
| Licence | MIT or Apache-2.0, as the project; the data are made by the project's own code |

`cargo run --release --example train_embedded` rebuilds them, and this file, from nothing: the same
bytes on the same kind of processor.

## Measured

On {reported} problems of the test split; intervals are of 95 %. The generator: {reported_samples} samples each, intervals over
problems. The reward models: the first {samples} of them; areas under the curve over problems, shares of first errors over
solutions (Wilson), which is too narrow where the solutions of a problem are alike.

| generator | |
|---|---|
| pass@1 | {pass_1} [{low}, {high}] |
| pass@16, pass@64 | {pass_16}, {pass_64} |
| pass@1 by fifths of the problems, hardest first | {fifths} |
| right steps after right ones | {steps} |
",
        parameters = shape.active_parameters() as f64 / 1e6,
        layers = shape.num_hidden_layers,
        hidden = shape.hidden_size,
        fewest = family.operations[0],
        most = family.operations[1],
        few = family.digits[0],
        many = family.digits[1],
        limit = family.most,
        updates = config.generator.steps,
        batch = config.generator.batch,
        problems = config.problems,
        verifier_updates = config.verifier.steps,
        verifier_batch = config.verifier.batch,
        study_updates = config.study.steps,
        study_batch = config.study.batch,
        studied = config.studied_problems,
        samples = config.samples,
        temperature = config.temperature,
        sampled = config.sampled_problems,
        reported = generator.problems,
        reported_samples = generator.samples,
        pass_1 = percent(generator.pass_at_1.mean),
        low = percent(low),
        high = percent(high),
        pass_16 = percent(generator.pass_at_16),
        pass_64 = percent(generator.pass_at_64),
        fifths = fifths.join(", "),
        steps = percent(generator.step_accuracy),
    )?;
    Ok(())
}

fn verifiers(text: &mut String, report: &Report<'_>) -> Result<(), Error> {
    let Report { prm, orm, .. } = report;
    write!(
        text,
        "
| reward model | process | outcome |
|---|---|---|
| judges | steps up to the first error | finished solutions |
| AUC | {} | {} |
| AUC of solutions (process: product over steps) | {} | {} |
| the same among solutions of one problem | {} | {} |
| expected calibration error | {} | {} |
| Brier score | {:.4} | {:.4} |
",
        area(&prm.auc),
        area(&orm.auc),
        area(&prm.solution_auc),
        area(&orm.solution_auc),
        within(prm),
        within(orm),
        percent(prm.calibration.expected_error),
        percent(orm.calibration.expected_error),
        prm.calibration.brier,
        orm.calibration.brier,
    )?;
    if let Verifier { first_errors: Some(found), .. } = prm {
        write!(
            text,
            "
The process model names the first error of {} wrong solutions, and none in {} right ones (threshold
{}; harmonic mean {}).
",
            share(&found.wrong),
            share(&found.right),
            found.threshold,
            percent(found.f1)
        )?;
    }
    Ok(())
}
