//! Low-rank adapters: `W + alpha / rank * B A` in the place of `W`, with small `A` and `B` to learn.
//!
//! A decoder stays as it is; what is learnt is a fraction of a percent of its weights, and a file
//! of a few megabytes. Files are those of Hugging Face's PEFT: `adapter_config.json` and
//! `adapter_model.safetensors`. Where a family's files have the rows of queries and keys in another order than
//! weights that were read ([`crate::weights::names`]), so have theirs those of `B`.
//!
//! Hu et al. 2021 (arXiv:2106.09685), section 4.1: `A` random, `B` zero, so that training starts
//! from the decoder itself.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::weights::config::families::Pairs;
use crate::weights::{names, replace};
use crate::{DecoderWeights, Files, ModelConfig, ModelError};

const CONFIG: &str = "adapter_config.json";
const TENSORS: &str = "adapter_model.safetensors";

/// A matrix of a layer that can have an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Site {
    /// The query projection.
    #[serde(rename = "q_proj")]
    Query,
    /// The key projection.
    #[serde(rename = "k_proj")]
    Key,
    /// The value projection.
    #[serde(rename = "v_proj")]
    Value,
    /// The output projection of attention.
    #[serde(rename = "o_proj")]
    Output,
    /// The gate of the feed-forward layer.
    #[serde(rename = "gate_proj")]
    Gate,
    /// What the gate is multiplied with.
    #[serde(rename = "up_proj")]
    Up,
    /// The way back from the feed-forward layer.
    #[serde(rename = "down_proj")]
    Down,
}

impl Site {
    /// All of them, in the order of the weights.
    pub const ALL: [Self; 7] =
        [Self::Query, Self::Key, Self::Value, Self::Output, Self::Gate, Self::Up, Self::Down];

    /// Whether what it makes is turned by its position.
    fn turns(self) -> bool {
        matches!(self, Self::Query | Self::Key)
    }

    /// Whether it is in the feed-forward network.
    fn feeds(self) -> bool {
        matches!(self, Self::Gate | Self::Up | Self::Down)
    }

    /// The name in files.
    fn path(self) -> &'static str {
        match self {
            Self::Query => "self_attn.q_proj",
            Self::Key => "self_attn.k_proj",
            Self::Value => "self_attn.v_proj",
            Self::Output => "self_attn.o_proj",
            Self::Gate => "mlp.gate_proj",
            Self::Up => "mlp.up_proj",
            Self::Down => "mlp.down_proj",
        }
    }

    /// Outputs and inputs of the matrix.
    pub(super) fn shape(self, config: &ModelConfig) -> [usize; 2] {
        let (h, f) = (config.hidden_size, config.intermediate_size);
        let (q, kv) = (config.query_width(), config.key_value_width());
        match self {
            Self::Query => [q, h],
            Self::Key | Self::Value => [kv, h],
            Self::Output => [h, q],
            Self::Gate | Self::Up => [f, h],
            Self::Down => [h, f],
        }
    }
}

/// How large adapters are, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdapterConfig {
    /// Rows of `A` and columns of `B`.
    pub rank: usize,
    /// `B A` counts `alpha / rank`.
    pub alpha: f64,
    /// The matrices that have one.
    pub sites: Vec<Site>,
}

impl Default for AdapterConfig {
    /// Rank 16, alpha 32, at all matrices.
    fn default() -> Self {
        Self { rank: 16, alpha: 32.0, sites: Site::ALL.to_vec() }
    }
}

/// The two factors at one site.
#[derive(Debug, Clone, PartialEq)]
pub struct Factors {
    /// `A`, `[rank, inputs]`.
    pub a: Vec<f32>,
    /// `B`, `[outputs, rank]`.
    pub b: Vec<f32>,
}

/// Adapters for all layers of a decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapter {
    pub(super) config: AdapterConfig,
    /// By layer, then in the order of the sites.
    pub(super) layers: Vec<Vec<Factors>>,
    /// The width of a head and of what is turned of it, where files have what is turned together side by side.
    pub(super) beside: Option<(usize, usize)>,
}

/// The widths by which files of this shape have rows in another order, if they have.
fn beside(shape: &ModelConfig) -> Option<(usize, usize)> {
    let beside = shape.family().is_some_and(|family| family.pairs == Pairs::Beside);
    beside.then(|| (shape.head_dim, shape.rotary_dim()))
}

impl Adapter {
    /// Adapters that change nothing yet, for a decoder of this shape.
    ///
    /// # Errors
    /// When the rank is 0, there are no sites, one is named twice, or one is in the feed-forward network of a decoder
    /// that has experts in its place.
    ///
    /// ```
    /// use tts_models::train::{Adapter, AdapterConfig};
    /// # use tts_models::{DecoderWeights, testing::tiny_config};
    /// # let shape = tiny_config("llama");
    /// # let mut decoder = DecoderWeights::initial(shape.clone(), 1)?;
    /// let adapter = Adapter::initial(AdapterConfig { rank: 4, ..AdapterConfig::default() }, &shape, 1)?;
    /// let before = decoder.clone();
    /// adapter.merge(&mut decoder)?;
    /// assert_eq!(decoder, before);
    /// # Ok::<(), tts_models::ModelError>(())
    /// ```
    pub fn initial(
        mut config: AdapterConfig,
        shape: &ModelConfig,
        seed: u64,
    ) -> Result<Self, ModelError> {
        config.sites.sort_unstable();
        config.check()?;
        config.check_for(shape)?;
        let mut rng = tts_core::seed::rng(seed);
        let layers = (0..shape.num_hidden_layers).map(|_| {
            let factors = |site: &Site| {
                let [outputs, inputs] = site.shape(shape);
                let reach = 1.0 / (inputs as f64).sqrt();
                #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
                let mut number = || ((2.0 * rng.uniform() - 1.0) * reach) as f32;
                Factors {
                    a: (0..config.rank * inputs).map(|_| number()).collect(),
                    b: vec![0.0; outputs * config.rank],
                }
            };
            config.sites.iter().map(factors).collect()
        });
        Ok(Self { layers: layers.collect(), config, beside: beside(shape) })
    }

    /// How large it is, and where.
    pub fn config(&self) -> &AdapterConfig {
        &self.config
    }

    /// The factors of a layer, in the order of [`AdapterConfig::sites`].
    pub fn layer(&self, layer: usize) -> Option<&[Factors]> {
        self.layers.get(layer).map(Vec::as_slice)
    }

    /// Number of weights.
    pub fn parameters(&self) -> usize {
        self.first(self.layers.len())
    }

    /// Number of weights in the first so many layers.
    pub(super) fn first(&self, layers: usize) -> usize {
        let own = self.layers.iter().take(layers).flatten();
        own.map(|factors| factors.a.len() + factors.b.len()).sum()
    }

    /// What `B A` is multiplied with.
    pub(super) fn scale(&self) -> f32 {
        #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
        let scale = (self.config.alpha / self.config.rank as f64) as f32;
        scale
    }

    /// Adds the adapters to the weights of a decoder, which then costs no more than before.
    ///
    /// # Errors
    /// When the decoder has another shape.
    pub fn merge(&self, decoder: &mut DecoderWeights) -> Result<(), ModelError> {
        self.check(&decoder.config)?;
        let (rank, scale) = (self.config.rank, self.scale());
        for (layer, factors) in decoder.layers.iter_mut().zip(&self.layers) {
            for (site, Factors { a, b }) in self.config.sites.iter().zip(factors) {
                let network = layer.feed_forward.dense_mut();
                let weight = match (site, network) {
                    (Site::Query, _) => &mut layer.query,
                    (Site::Key, _) => &mut layer.key,
                    (Site::Value, _) => &mut layer.value,
                    (Site::Output, _) => &mut layer.output,
                    (Site::Gate, Some(network)) => &mut network.gate,
                    (Site::Up, Some(network)) => &mut network.up,
                    (Site::Down, Some(network)) => &mut network.down,
                    // The config has been looked at: these weights are not of it.
                    (Site::Gate | Site::Up | Site::Down, None) => {
                        let problem = "experts, in a decoder without them";
                        return Err(ModelError::input("weights", problem));
                    }
                };
                let inputs = a.len() / rank;
                for (row, b) in weight.chunks_exact_mut(inputs).zip(b.chunks_exact(rank)) {
                    for (b, a) in b.iter().zip(a.chunks_exact(inputs)) {
                        let by = b * scale;
                        row.iter_mut().zip(a).for_each(|(weight, a)| *weight += by * a);
                    }
                }
            }
        }
        Ok(())
    }

    /// # Errors
    /// Naming the first factor that does not fit a decoder of this shape.
    pub(super) fn check(&self, shape: &ModelConfig) -> Result<(), ModelError> {
        self.config.check()?;
        self.config.check_for(shape)?;
        if self.beside != beside(shape) {
            let problem = "is for a decoder whose files have queries and keys in another order";
            return Err(ModelError::input("adapter", problem));
        }
        if self.layers.len() != shape.num_hidden_layers {
            let problem =
                format!("{} layers, expected {}", self.layers.len(), shape.num_hidden_layers);
            return Err(ModelError::input("adapter", problem));
        }
        let rank = self.config.rank;
        for (index, layer) in self.layers.iter().enumerate() {
            if layer.len() != self.config.sites.len() {
                let problem =
                    format!("{} sites, expected {}", layer.len(), self.config.sites.len());
                return Err(ModelError::input(format!("adapter of layer {index}"), problem));
            }
            for (site, Factors { a, b }) in self.config.sites.iter().zip(layer) {
                let [outputs, inputs] = site.shape(shape);
                if (a.len(), b.len()) != (rank * inputs, outputs * rank) {
                    let problem = format!(
                        "factors of {} and {} values, expected {rank} x {inputs} and {outputs} x {rank}",
                        a.len(),
                        b.len()
                    );
                    let field = format!("adapter of layer {index}, {}", site.path());
                    return Err(ModelError::input(field, problem));
                }
            }
        }
        Ok(())
    }

    /// Writes `adapter_config.json` and `adapter_model.safetensors` into a folder.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<(), ModelError> {
        self.save_path(folder.as_ref())
    }

    fn save_path(&self, folder: &Path) -> Result<(), ModelError> {
        std::fs::create_dir_all(folder).map_err(|error| ModelError::io(folder, error))?;
        let bytes = |values: &[f32]| -> Vec<u8> {
            values.iter().flat_map(|value| value.to_le_bytes()).collect()
        };
        let mut tensors = Vec::new();
        let rank = self.config.rank;
        for (index, layer) in self.layers.iter().enumerate() {
            for (site, Factors { a, b }) in self.config.sites.iter().zip(layer) {
                let [first, second] = stored_names(index, *site);
                tensors.push((first, vec![rank, a.len() / rank], bytes(a)));
                let outputs = b.len() / rank;
                let b = match self.beside.filter(|_| site.turns()) {
                    Some(widths) => bytes(&names::permute(b, rank, widths)),
                    None => bytes(b),
                };
                tensors.push((second, vec![outputs, rank], b));
            }
        }
        let path = folder.join(TENSORS);
        let failed = |problem: String| ModelError::format(&path, "adapter", problem);
        let mut views = Vec::new();
        for (name, shape, bytes) in &tensors {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            views.push((name, view.map_err(|error| failed(error.to_string()))?));
        }
        let file =
            safetensors::serialize(views, None).map_err(|error| failed(error.to_string()))?;
        replace(&path, |out| out.write_all(&file))?;
        let peft = Peft {
            kind: "LORA".to_owned(),
            task_type: Some("CAUSAL_LM".to_owned()),
            r: rank,
            lora_alpha: self.config.alpha,
            target_modules: self.config.sites.clone(),
            bias: "none".to_owned(),
            ..Peft::default()
        };
        let path = folder.join(CONFIG);
        let json = serde_json::to_vec_pretty(&peft)
            .map_err(|error| ModelError::format(&path, "JSON", error.to_string()))?;
        replace(&path, |out| out.write_all(&json))
    }

    /// Reads what [`Adapter::save`] or PEFT wrote, for a decoder of this shape.
    ///
    /// # Errors
    /// When a file is missing or damaged, a tensor is missing, has another shape or belongs to no site
    /// of the decoder, or the adapter is of a kind that is not supported (other ranks at some sites,
    /// `DoRA`, trained biases or embeddings, a base that was changed as the adapter began).
    pub fn load(folder: impl Into<Files>, shape: &ModelConfig) -> Result<Self, ModelError> {
        Self::load_files(&folder.into(), shape)
    }

    /// The files of an adapter's folder.
    pub(crate) fn files(folder: &Files) -> [Files; 2] {
        [folder.join(CONFIG), folder.join(TENSORS)]
    }

    fn load_files(folder: &Files, shape: &ModelConfig) -> Result<Self, ModelError> {
        shape.validate()?;
        let beside = beside(shape);
        let [file, stored] = Self::files(folder);
        let peft: Peft = serde_json::from_slice(&file.read()?)
            .map_err(|error| ModelError::format(file.path(), "adapter", error.to_string()))?;
        let config = peft.config(file.path())?;
        config
            .check_for(shape)
            .map_err(|error| ModelError::format(file.path(), "adapter", error.to_string()))?;
        let (path, bytes) = (stored.path(), stored.read()?);
        let tensors = SafeTensors::deserialize(&bytes)
            .map_err(|error| ModelError::format(path, "header", error.to_string()))?;
        let mut layers = Vec::new();
        for layer in 0..shape.num_hidden_layers {
            let mut factors = Vec::new();
            for site in &config.sites {
                let [outputs, inputs] = site.shape(shape);
                let [first, second] = stored_names(layer, *site);
                let read = |name: &str, shape| tensor(path, &tensors, name, shape);
                let a = read(&first, [config.rank, inputs])?;
                let mut b = read(&second, [outputs, config.rank])?;
                if let Some(widths) = beside.filter(|_| site.turns()) {
                    b = names::unpermute(&b, config.rank, widths);
                }
                factors.push(Factors { a, b });
            }
            layers.push(factors);
        }
        let known: HashSet<String> = (0..shape.num_hidden_layers)
            .flat_map(|layer| config.sites.iter().flat_map(move |site| stored_names(layer, *site)))
            .collect();
        // Left out, it would make another model than the one that was trained, and nobody would know.
        if let Some(name) = tensors.names().into_iter().find(|name| !known.contains(*name)) {
            let problem = "belongs to no site of this decoder";
            return Err(ModelError::format(path, name, problem.to_owned()));
        }
        Ok(Self { config, layers, beside })
    }
}

impl AdapterConfig {
    /// Refuses sites that a decoder of this shape has not.
    fn check_for(&self, shape: &ModelConfig) -> Result<(), ModelError> {
        match self.sites.iter().find(|site| shape.switches.experts.is_some() && site.feeds()) {
            Some(site) => {
                let problem = format!(
                    "{}: experts have no adapters; keep to q_proj, k_proj, v_proj and o_proj",
                    site.path()
                );
                Err(ModelError::input("sites", problem))
            }
            None => Ok(()),
        }
    }

    fn check(&self) -> Result<(), ModelError> {
        if self.rank == 0 {
            return Err(ModelError::input("rank", "0, expected at least 1"));
        }
        if !self.alpha.is_finite() {
            return Err(ModelError::input("alpha", format!("{}, expected a number", self.alpha)));
        }
        if self.sites.is_empty() {
            return Err(ModelError::input("sites", "none, expected at least one"));
        }
        match self.sites.windows(2).find(|pair| pair[0] >= pair[1]) {
            Some(pair) => Err(ModelError::input("sites", format!("{:?} twice", pair[1]))),
            None => Ok(()),
        }
    }
}

/// Names of both factors.
fn stored_names(layer: usize, site: Site) -> [String; 2] {
    ["lora_A", "lora_B"].map(|factor| {
        format!("base_model.model.model.layers.{layer}.{}.{factor}.weight", site.path())
    })
}

fn tensor(
    path: &Path,
    file: &SafeTensors<'_>,
    name: &str,
    shape: [usize; 2],
) -> Result<Vec<f32>, ModelError> {
    let wrong = |problem: String| ModelError::format(path, name, problem);
    let view = file.tensor(name).map_err(|error| wrong(error.to_string()))?;
    if view.shape() != shape {
        return Err(wrong(format!("shape {:?}, expected {shape:?}", view.shape())));
    }
    let bytes = view.data();
    let values: Vec<f32> = match view.dtype() {
        Dtype::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::BF16 => {
            bytes.as_chunks().0.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32()).collect()
        }
        Dtype::F16 => {
            bytes.as_chunks().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect()
        }
        other => return Err(wrong(format!("type {other:?}, expected F32, BF16 or F16"))),
    };
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(wrong(format!("value {at} is {}", values[at]))),
        None => Ok(values),
    }
}

/// PEFT's file, as far as it matters here.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Peft {
    #[serde(rename = "peft_type")]
    kind: String,
    #[serde(default)]
    task_type: Option<String>,
    r: usize,
    lora_alpha: f64,
    target_modules: Vec<Site>,
    #[serde(default)]
    bias: String,
    #[serde(default)]
    use_rslora: bool,
    /// Everything else.
    #[serde(flatten)]
    further: serde_json::Map<String, Value>,
}

/// What would make an adapter something else, unless it is null, false or empty.
const FOREIGN: [&str; 11] = [
    "trainable_token_indices",
    "use_dora",
    "lora_bias",
    "use_qalora",
    "use_bdlora",
    "alora_invocation_tokens",
    "layer_replication",
    "modules_to_save",
    "rank_pattern",
    "alpha_pattern",
    "target_parameters",
];

impl Peft {
    fn config(self, path: &Path) -> Result<AdapterConfig, ModelError> {
        let refuse = |field: &str, problem: String| Err(ModelError::format(path, field, problem));
        if self.kind != "LORA" {
            return refuse("peft_type", format!("{:?}, expected \"LORA\"", self.kind));
        }
        if !matches!(self.bias.as_str(), "" | "none") {
            return refuse("bias", format!("{:?}, expected \"none\"", self.bias));
        }
        let plain = |value: &Value| match value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(values) => values.is_empty(),
            Value::Object(values) => values.is_empty(),
            _ => false,
        };
        let mut all = FOREIGN.iter().filter_map(|&key| Some((key, self.further.get(key)?)));
        if let Some((key, value)) = all.find(|(_, value)| !plain(value)) {
            return refuse(key, format!("{value}, which is not supported"));
        }
        // The other ways to begin also change the base, by what the adapter is then relative to.
        let unchanged = |value: &Value| match value {
            Value::Null | Value::Bool(_) => true,
            Value::String(way) => {
                ["gaussian", "eva", "orthogonal"].contains(&way.to_lowercase().as_str())
            }
            _ => false,
        };
        let begun = self.further.get("init_lora_weights");
        if let Some(value) = begun.filter(|value| !unchanged(value)) {
            return refuse("init_lora_weights", format!("{value}, which changes the base"));
        }
        let mut sites = self.target_modules;
        sites.sort_unstable();
        // Rank-stabilised adapters divide by the root of the rank.
        let root = if self.use_rslora { (self.r as f64).sqrt() } else { 1.0 };
        let config = AdapterConfig { rank: self.r, alpha: self.lora_alpha * root, sites };
        config.check().map_err(|error| ModelError::format(path, "adapter", error.to_string()))?;
        Ok(config)
    }
}
