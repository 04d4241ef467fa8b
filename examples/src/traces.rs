//! Written solutions of a family's problems, and a model from nothing that has the characters for them: what a policy
//! learns from before it can be rewarded for anything.
//!
//! A written solution may go wrong, notice it and mend it ([`Family::trace`]): what its family calls a slip is read, and
//! not learnt; a way that leads nowhere and is taken back is learnt, as a way of searching. What slips is drawn by the question alone, so that a problem has one written solution wherever it is learnt.
//!
//! Source: none; cold starts as those of DeepSeek-AI 2025 (arXiv:2501.12948), section 2.3.1, of exact solutions.

use std::path::Path;

use tts_core::family::{Family, Split, TraceLine, problems};
use tts_core::seed;
use tts_models::DecoderWeights;
use tts_models::text::tokenizer::characters;
use tts_models::weights::Dtype;
use tts_prm::critic::Part;

use crate::experiment::Shape;
use crate::families::Families;
use crate::files::write_whole;
use crate::worked::{Asked, Worked};
use crate::{Error, pair};

/// Of what is drawn in written solutions: slips, checks, detours.
const TRACES: u64 = 0x7ace;

/// The written solution of a problem.
///
/// # Errors
/// When it has none.
pub fn trace(family: &dyn Family, question: &str) -> Result<Vec<TraceLine>, Error> {
    let mut rng = seed::rng(seed::hash_text(TRACES, question));
    let trace = family.trace(question, &mut rng);
    trace.ok_or_else(|| format!("{question}: no solution").into())
}

/// So many problems of a family's training split, in the order of `reinforce` with its default seed, as what is to be
/// learnt.
///
/// ```
/// use tts_examples::families::Families;
/// use tts_examples::traces::worked;
/// let worked = worked(Families::Recheck, 20)?;
/// assert_eq!(worked.len(), 20);
/// // The answer stands behind a sign of its own.
/// assert!(worked.iter().all(|own| own.answer().contains('#')));
/// # Ok::<(), tts_examples::Error>(())
/// ```
///
/// # Errors
/// When a problem has no solution.
pub fn worked(family: Families, count: usize) -> Result<Vec<Worked>, Error> {
    let family = family.family();
    let learn = |question: &str| {
        let lines = trace(&*family, question)?.into_iter();
        let parts = lines.map(|line| Part { text: line.text, learn: line.learnt }).collect();
        Ok(Worked { asked: Asked::Prompt(family.prompt(question)), parts, weight: 1.0 })
    };
    let drawn = problems(&*family, Split::Train, 0).take(count);
    drawn.map(|problem| learn(&problem.question)).collect()
}

/// A model from nothing in a folder: a token a character of the family's problems and solutions, and weights of this
/// size that have learnt nothing.
///
/// # Errors
/// When the size makes no sense, or nothing can be written.
pub fn start(family: Families, shape: Shape, seed: u64, folder: &Path) -> Result<(), Error> {
    let alphabet = family.alphabet();
    let weights = DecoderWeights::initial(shape.config(1 + alphabet.chars().count()), seed)?;
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let tokenizer = characters(alphabet, &[pair::END])?;
    write_whole(&folder.join("tokenizer.json"), tokenizer.as_bytes())?;
    Ok(weights.save_as(folder, Dtype::F32, &[])?)
}

/// A size as a command line has it: width, layers and heads, such as `64x2x4`.
///
/// ```
/// use tts_examples::traces::shape;
/// let found = shape("64x2x4")?;
/// assert_eq!((found.width, found.layers, found.heads), (64, 2, 4));
/// for wrong in ["64", "64x2", "64x2x4x1", "0x2x4", "64x2x3", "ax2x4"] {
///     assert!(shape(wrong).is_err(), "{wrong}");
/// }
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
/// When it is none, a number is 0, or the heads do not divide the width into even parts.
pub fn shape(text: &str) -> Result<Shape, String> {
    let wrong = || format!("{text:?}: expected WIDTHxLAYERSxHEADS, such as 64x2x4");
    let numbers: Vec<usize> =
        text.split('x').map(|part| part.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
    let [width, layers, heads] = numbers[..] else { return Err(wrong()) };
    if width == 0 || layers == 0 || heads == 0 || !width.is_multiple_of(2 * heads) {
        return Err(format!(
            "{text:?}: a width of {width} in {layers} layers with {heads} heads, expected numbers above 0 and an even \
             width of each head"
        ));
    }
    Ok(Shape { width, layers, heads })
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use tts_models::{Checkpoint, TextSide};

    use super::*;

    /// Every family can be written by a model that was made for it, and by one of another alphabet only where that has
    /// the characters.
    #[test]
    fn a_model_from_nothing_has_the_characters_of_its_family() {
        let place = tempfile::tempdir().expect("a folder");
        for family in Families::value_variants() {
            let folder = place.path().join(family.name());
            start(*family, shape("16x1x2").expect("a size"), 1, &folder).expect("written");
            let text =
                TextSide::open(&Checkpoint::open(&folder).expect("a model")).expect("a side");
            family.written_with(&text.tokenizer).expect("all characters");
            let chain = Families::Chain.written_with(&text.tokenizer);
            // Where another is written with the same signs, it can be read, too.
            let has = family.alphabet().chars().collect::<Vec<_>>();
            assert_eq!(chain.is_ok(), pair::ALPHABET.chars().all(|own| has.contains(&own)));
        }
    }

    /// A slip stands in a written solution and is not learnt, a way that is taken back is; the end always is.
    #[test]
    fn slips_are_read_and_ways_that_are_taken_back_are_learnt() {
        let recheck = worked(Families::Recheck, 60).expect("solutions");
        assert!(recheck.iter().flat_map(|own| &own.parts).any(|part| !part.learn));
        assert!(recheck.iter().all(|own| own.parts.last().is_some_and(|part| part.learn)));
        let backtrack = worked(Families::Backtrack, 60).expect("solutions");
        assert!(backtrack.iter().any(|own| own.answer().contains('<')));
        assert!(backtrack.iter().flat_map(|own| &own.parts).all(|part| part.learn));
    }
}
