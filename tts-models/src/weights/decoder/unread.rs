//! Refuses a file with tensors that nobody reads within the decoder's layers: it holds another model than its config says.
//!
//! A decoder asks for tensors by name; what it does not ask for would be passed over, and the model run without it: the bias of a
//! norm, a second gate. So all that it would ask for is listed first, and what the file has besides in these layers, or as a
//! bias behind them, is an error. Left alone are what programs keep that can be computed (frequencies of rotations), biases of
//! zeros, and other parts of a model (pictures, layers that predict further tokens, heads of reward models).
//!
//! Source: none; a rule of this library.

use std::collections::HashSet;

use super::{DecoderWeights, Source};
use crate::weights::Checkpoint;
use crate::{ModelConfig, ModelError};

/// Parts of names of tensors that say nothing that a config does not.
const COMPUTED: [&str; 2] = ["rotary_emb.", "attn_rot_embd."];

/// Biases of what stands behind the layers, which no family here has.
const BEHIND: [&str; 5] =
    ["model.norm.bias", "norm.bias", "lm_head.bias", "output_norm.bias", "output.bias"];

/// Lists the tensors of a file that a decoder asks for, and reads none of them.
struct Listed<'a> {
    checkpoint: &'a Checkpoint,
    names: &'a mut HashSet<String>,
}

impl Listed<'_> {
    /// # Errors
    /// When it is not there: no more is asked for than the file has, whatever its config claims.
    fn list(&mut self, name: &str) -> Result<(), ModelError> {
        let found = self.checkpoint.lies_in(name);
        if found.is_empty() {
            return Err(ModelError::input(name, "there is no such tensor"));
        }
        self.names.extend(found);
        Ok(())
    }
}

impl Source<()> for Listed<'_> {
    fn matrix(&mut self, name: &str, _: [usize; 2]) -> Result<(), ModelError> {
        self.list(name)
    }

    fn vector(&mut self, name: &str, _: usize) -> Result<Vec<f32>, ModelError> {
        self.list(name).map(|()| Vec::new())
    }
}

/// # Errors
/// Names the first tensor that nobody reads.
pub(super) fn refuse(checkpoint: &Checkpoint, config: &ModelConfig) -> Result<(), ModelError> {
    let mut names = HashSet::new();
    let listed = Listed { checkpoint, names: &mut names };
    // What is missing is told where it is read.
    if DecoderWeights::<()>::build(config.clone(), listed).is_err() {
        return Ok(());
    }
    let layer = ["layers.", "blk."];
    let before = |name: &str| {
        let at = layer.iter().find_map(|word| Some(name.find(word)? + word.len()))?;
        Some(name[..at].to_owned())
    };
    let prefixes: HashSet<String> = names.iter().filter_map(|name| before(name)).collect();
    let within = |name: &str| {
        let number = |prefix: &String| name.strip_prefix(prefix.as_str())?.split('.').next();
        let numbers = prefixes.iter().filter_map(number);
        let mut layers = numbers.filter_map(|number| number.parse::<usize>().ok());
        layers.any(|number| number < config.num_hidden_layers)
    };
    for name in checkpoint.tensor_names() {
        let ours = within(name) || BEHIND.contains(&name);
        if !ours || names.contains(name) || COMPUTED.iter().any(|part| name.contains(part)) {
            continue;
        }
        let zeros = || {
            let values = checkpoint.tensor(name)?.to_f32()?;
            Ok::<_, ModelError>(values.iter().all(|value| value.abs() <= 0.0))
        };
        let bias = matches!(name.rsplit_once('.'), Some((_, "bias")));
        if bias && zeros()? {
            continue;
        }
        let family = &config.architecture;
        let what =
            format!("tensor that nothing in the family {family} reads: is it of another family?");
        return Err(ModelError::unsupported(checkpoint.path(), name, what));
    }
    Ok(())
}
