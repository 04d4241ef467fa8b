//! Refuses a file with tensors that nobody reads within the decoder's layers: it holds another model than its config says.
//!
//! A decoder asks for tensors by name; what it does not ask for would be passed over, and the model run without it: the bias of a
//! norm, a second gate, layers beyond those that the config counts. So all that it would ask for is listed first, and what the
//! file has besides in these layers, as layers of their kind, or beside embedding and last norm, is an error. Left alone are what
//! programs keep that can be computed (frequencies of rotations), biases of zeros, and other parts of a model (pictures, layers
//! that guess further tokens, heads of reward models).
//!
//! Source: none; a rule of this library.

use std::collections::HashSet;

use super::{DecoderWeights, Source};
use crate::weights::Checkpoint;
use crate::{ModelConfig, ModelError};

/// Parts of names of tensors that say nothing that a config does not.
const COMPUTED: [&str; 2] = ["rotary_emb.", "attn_rot_embd."];

/// Biases of what stands behind the layers, which no family here has, and what stands before them in others.
const BESIDE: [&str; 6] = [
    "norm.bias",
    "lm_head.bias",
    "output_norm.bias",
    "output.bias",
    "token_embd_norm.weight",
    "position_embd.weight",
];

/// Parts of names of tensors in layers that guess further tokens, behind those that a token runs through.
const GUESSING: [&str; 5] = [".nextn.", ".eh_proj.", ".enorm.", ".hnorm.", ".shared_head."];

/// The embedding by the names of files, behind a prefix that all of its decoder's tensors have.
const EMBEDDINGS: [&str; 2] = ["embed_tokens.weight", "token_embd.weight"];

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
    let places = Places::of(&names);
    let all: Vec<&str> = checkpoint.tensor_names();
    let guessing: HashSet<usize> = all
        .iter()
        .filter(|name| GUESSING.iter().any(|part| name.contains(part)))
        .filter_map(|name| places.layer(name))
        .collect();
    for name in all {
        if names.contains(name) || COMPUTED.iter().any(|part| name.contains(part)) {
            continue;
        }
        let ours = match places.layer(name) {
            Some(layer) if layer < config.num_hidden_layers => true,
            Some(layer) if guessing.contains(&layer) => false,
            Some(layer) => {
                let of = config.num_hidden_layers;
                let problem =
                    format!("tensor of layer {layer}, counted from 0, of a model of {of} layers");
                return Err(ModelError::format(checkpoint.path(), name, problem));
            }
            None => places.is_beside(name),
        };
        if !ours {
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

/// Where the tensors of a decoder lie in a file, by the names of those that it asks for.
struct Places {
    /// What stands before the number of a layer.
    layers: HashSet<String>,
    /// What stands before the embedding; empty where nothing does.
    front: String,
}

impl Places {
    fn of(names: &HashSet<String>) -> Self {
        fn front(name: &str) -> Option<&str> {
            EMBEDDINGS.iter().find_map(|end| name.strip_suffix(end))
        }
        let before = |name: &str| {
            let at =
                ["layers.", "blk."].iter().find_map(|word| Some(name.find(word)? + word.len()))?;
            Some(name[..at].to_owned())
        };
        Self {
            layers: names.iter().filter_map(|name| before(name)).collect(),
            front: names.iter().find_map(|name| front(name)).unwrap_or_default().to_owned(),
        }
    }

    /// The layer of which a tensor is by its name.
    fn layer(&self, name: &str) -> Option<usize> {
        let number = |prefix: &String| name.strip_prefix(prefix.as_str())?.split('.').next();
        self.layers.iter().filter_map(number).find_map(|number| number.parse().ok())
    }

    /// Whether a tensor belongs to the decoder and to none of its layers: a bias behind them, or what stands beside the
    /// embedding and is not a part of its own, as pictures' are.
    fn is_beside(&self, name: &str) -> bool {
        let front = self.front.as_str();
        // The head stands beside the model of which the layers are.
        let outer = front.strip_suffix("model.");
        let outer = outer.filter(|outer| outer.is_empty() || outer.ends_with('.'));
        let fronts = ["", front, outer.unwrap_or(front)];
        let known = fronts.into_iter().filter_map(|front| name.strip_prefix(front));
        let own = |rest: &str| rest.split('.').count() == 2;
        known.into_iter().any(|rest| BESIDE.contains(&rest))
            || (!front.is_empty() && name.strip_prefix(front).is_some_and(own))
    }
}
