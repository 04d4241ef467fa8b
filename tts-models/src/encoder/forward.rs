//! The pass of an encoder: texts as ids in, a row for every id out.
//!
//! Rows of all texts stand one after the other, without padding: products take them together, attention goes text by
//! text and head by head. Every number is a sum of its own row's, or of its own text's, in an order of its own, so that no
//! bit depends on the texts beside it or on the threads. Norms stand behind what is added (post-norm), and the
//! activation is GELU by the error function, which is off by 5e-7 at most.
//!
//! Source: Devlin et al. 2019, BERT (arXiv 1810.04805), after Vaswani et al. 2017 (arXiv 1706.03762), section 3;
//! Hendrycks and Gimpel 2016 (arXiv 1606.08415) for GELU; Abramowitz and Stegun 1964, 7.1.26, for the error function.

use std::ops::Range;

use super::config::Config;
use crate::kernels::{Format, Input, Kinds, Matrix, Team, View, exp_in_place, project, softmax};
use crate::weights::safetensors::Shards;
use crate::{ModelError, WeightFormat};

/// Lanes of a sum.
const LANES: usize = 16;

/// Rows that are taken at a time by one thread.
const ROWS: usize = 32;

/// A linear layer whose bias is added by whoever reads it.
#[derive(Debug)]
struct Dense {
    matrix: Matrix,
    bias: Vec<f32>,
}

#[derive(Debug)]
struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f32,
}

#[derive(Debug)]
struct Layer {
    /// Queries, keys and values.
    parts: [Matrix; 3],
    /// Those of the three, side by side.
    bias: Vec<f32>,
    output: Dense,
    attended: Norm,
    up: Dense,
    down: Dense,
    out: Norm,
}

/// The weights of an encoder, in f32.
#[derive(Debug)]
pub(super) struct Bert {
    width: usize,
    heads: usize,
    /// `[vocab, width]`.
    words: Vec<f32>,
    /// `[positions, width]`, with the row of the first type.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

/// The tensors of a checkpoint, under whatever prefix.
struct Tensors<'a> {
    shards: &'a Shards,
    prefix: &'static str,
    config: &'a Config,
}

impl Tensors<'_> {
    /// A tensor of this shape.
    fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let name = format!("{}{name}", self.prefix);
        let Some(file) = self.shards.file(&name) else {
            let path = self.shards.sources().next().map(|source| source.path().to_owned());
            let problem = "there is no such tensor";
            return Err(ModelError::format(&path.unwrap_or_default(), name, problem));
        };
        let tensor = file.read(&name)?;
        if tensor.shape != shape {
            let problem = format!("shape {:?}, expected {shape:?}", tensor.shape);
            return Err(ModelError::format(file.path(), name, problem));
        }
        let values = tensor.to_f32()?;
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => {
                let problem = format!("number {at} is {}", values[at]);
                Err(ModelError::format(file.path(), name, problem))
            }
            None => Ok(values),
        }
    }

    fn matrix(&self, name: &str, outputs: usize, inputs: usize) -> Result<Matrix, ModelError> {
        let weights = self.read(&format!("{name}.weight"), &[outputs, inputs])?;
        Ok(Matrix::of(&weights, inputs, WeightFormat::F32))
    }

    fn dense(&self, name: &str, outputs: usize, inputs: usize) -> Result<Dense, ModelError> {
        let matrix = self.matrix(name, outputs, inputs)?;
        Ok(Dense { matrix, bias: self.read(&format!("{name}.bias"), &[outputs])? })
    }

    fn norm(&self, name: &str) -> Result<Norm, ModelError> {
        // Files of the first years have the names of its paper.
        let of = |part: &str, old: &str| {
            let there = |part: &str| self.shards.contains(&format!("{}{name}.{part}", self.prefix));
            let part = if there(old) && !there(part) { old } else { part };
            self.read(&format!("{name}.{part}"), &[self.config.hidden_size])
        };
        let (weight, bias) = (of("weight", "gamma")?, of("bias", "beta")?);
        Ok(Norm { weight, bias, epsilon: self.config.epsilon })
    }

    /// Whether all tensors are those of an encoder, or of the heads that it was pre-trained with: what others would do to
    /// its rows, or to the vector, is not done here.
    fn check(&self) -> Result<(), ModelError> {
        let known = |name: &str| {
            let own = name.strip_prefix(self.prefix).is_some_and(|own| {
                ["embeddings.", "encoder.layer.", "pooler."]
                    .iter()
                    .any(|part| own.starts_with(part))
            });
            (own || name.starts_with("cls.")) && !name.contains(".crossattention.")
        };
        let Some(other) = self.shards.tensor_names().find(|name| !known(name)) else {
            return Ok(());
        };
        let path = self.shards.file(other).map(|file| file.path().to_owned()).unwrap_or_default();
        let what = "tensor: an encoder of texts has none of this name";
        Err(ModelError::unsupported(&path, other, what))
    }

    fn layer(&self, number: usize) -> Result<Layer, ModelError> {
        let (h, f) = (self.config.hidden_size, self.config.intermediate_size);
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        let part = |part: &str| self.dense(&name(&format!("attention.self.{part}")), h, h);
        let [query, key, value] = [part("query")?, part("key")?, part("value")?];
        Ok(Layer {
            bias: [query.bias, key.bias, value.bias].concat(),
            parts: [query.matrix, key.matrix, value.matrix],
            output: self.dense(&name("attention.output.dense"), h, h)?,
            attended: self.norm(&name("attention.output.LayerNorm"))?,
            up: self.dense(&name("intermediate.dense"), f, h)?,
            down: self.dense(&name("output.dense"), h, f)?,
            out: self.norm(&name("output.LayerNorm"))?,
        })
    }
}

impl Bert {
    /// Reads all weights.
    pub(super) fn read(shards: &Shards, config: &Config) -> Result<Self, ModelError> {
        let first = "embeddings.word_embeddings.weight";
        let prefixes = ["", "bert.", "model.", "0.auto_model."];
        let there = |prefix: &&str| shards.contains(&format!("{prefix}{first}"));
        let prefix = prefixes.into_iter().find(there).unwrap_or_default();
        let tensors = Tensors { shards, prefix, config };
        tensors.check()?;
        let width = config.hidden_size;
        let mut positions =
            tensors.read("embeddings.position_embeddings.weight", &[config.positions, width])?;
        let types =
            tensors.read("embeddings.token_type_embeddings.weight", &[config.types, width])?;
        for row in positions.chunks_exact_mut(width) {
            row.iter_mut().zip(&types[..width]).for_each(|(value, kind)| *value += kind);
        }
        Ok(Self {
            width,
            heads: config.heads,
            words: tensors.read(first, &[config.vocab_size, width])?,
            positions,
            norm: tensors.norm("embeddings.LayerNorm")?,
            layers: (0..config.layers).map(|n| tensors.layer(n)).collect::<Result<_, _>>()?,
        })
    }

    /// Rows `[ids, width]` of all texts, one after the other. Ids are of the vocabulary, and no text is longer than
    /// there are positions.
    pub(super) fn forward(&self, team: &Team, texts: &[Vec<u32>]) -> Vec<f32> {
        let h = self.width;
        let mut spans: Vec<Range<usize>> = Vec::with_capacity(texts.len());
        let mut x = Vec::with_capacity(texts.iter().map(Vec::len).sum::<usize>() * h);
        for text in texts {
            let start = x.len() / h;
            for (&id, position) in text.iter().zip(self.positions.chunks_exact(h)) {
                let word = &self.words[id as usize * h..][..h];
                x.extend(word.iter().zip(position).map(|(word, position)| word + position));
            }
            spans.push(start..x.len() / h);
        }
        let rows = x.len() / h;
        let none = vec![0.0; h];
        self.norm.behind(team, &mut x, &none);
        let (mut input, mut wide) = (Input::default(), Vec::new());
        let (mut qkv, mut heads) = (vec![0.0; rows * 3 * h], vec![0.0; rows * h]);
        for layer in &self.layers {
            let parts: Vec<&Matrix> = layer.parts.iter().collect();
            input.copy(team, Kinds::of(parts.iter().copied()), &x, h);
            project(team, &input, &parts, false, &mut qkv);
            each_row(team, &mut qkv, 3 * h, |row| add(row, &layer.bias));
            attend(team, &spans, self.heads, &qkv, &mut heads);
            // What each head of each text gave stands by itself: it is put side by side again.
            let places = places(&spans);
            let width = h / self.heads;
            let kinds = Kinds::of([&layer.output.matrix]);
            input.fill(team, kinds, rows, h, |row, buffer| {
                let (start, length) = places[row];
                for (head, out) in buffer.chunks_exact_mut(width).enumerate() {
                    let at = start * h + (head * length + row - start) * width;
                    out.copy_from_slice(&heads[at..at + width]);
                }
            });
            project(team, &input, &[&layer.output.matrix], true, &mut x);
            layer.attended.behind(team, &mut x, &layer.output.bias);

            let f = layer.up.bias.len();
            input.copy(team, Kinds::of([&layer.up.matrix]), &x, h);
            wide.resize(rows * f, 0.0);
            project(team, &input, &[&layer.up.matrix], false, &mut wide);
            each_row(team, &mut wide, f, |row| {
                add(row, &layer.up.bias);
                gelu(row);
            });
            input.copy(team, Kinds::of([&layer.down.matrix]), &wide, f);
            project(team, &input, &[&layer.down.matrix], true, &mut x);
            layer.out.behind(team, &mut x, &layer.down.bias);
        }
        x
    }
}

/// For each row the first of its text, and how many that has.
fn places(spans: &[Range<usize>]) -> Vec<(usize, usize)> {
    spans.iter().flat_map(|span| span.clone().map(|_| (span.start, span.len()))).collect()
}

fn each_row(team: &Team, x: &mut [f32], width: usize, task: impl Fn(&mut [f32]) + Sync) {
    team.each_of(x.chunks_mut(ROWS * width).collect(), |_, rows| {
        rows.chunks_exact_mut(width).for_each(&task);
    });
}

fn add(row: &mut [f32], bias: &[f32]) {
    row.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
}

/// The sum of what `of` makes of each number.
fn sum(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    for values in row.chunks(LANES) {
        lanes.iter_mut().zip(values).for_each(|(lane, value)| *lane += of(*value));
    }
    lanes.iter().sum()
}

impl Norm {
    /// Adds a bias to rows, and norms them (Ba et al. 2016).
    fn behind(&self, team: &Team, x: &mut [f32], bias: &[f32]) {
        each_row(team, x, self.weight.len(), |row| {
            add(row, bias);
            let width = row.len() as f32;
            let mean = sum(row, |x| x) / width;
            let variance = sum(row, |x| (x - mean) * (x - mean)) / width;
            let scale = 1.0 / (variance + self.epsilon).sqrt();
            for ((x, weight), bias) in row.iter_mut().zip(&self.weight).zip(&self.bias) {
                *x = (*x - mean) * scale * weight + bias;
            }
        });
    }
}

/// `x / 2 (1 + erf(x / sqrt 2))`, in place.
fn gelu(row: &mut [f32]) {
    const P: f32 = 0.327_591_1;
    const A: [f32; 5] = [0.254_829_6, -0.284_496_74, 1.421_413_7, -1.453_152, 1.061_405_4];
    let mut powers: Vec<f32> = row.iter().map(|x| x * x).collect();
    exp_in_place(&mut powers, -0.5, 0.0);
    for (x, power) in row.iter_mut().zip(&powers) {
        let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
        let t = 1.0 / (1.0 + P * z);
        let series = t * (A[0] + t * (A[1] + t * (A[2] + t * (A[3] + t * A[4]))));
        let erf = (1.0 - series * power).copysign(*x);
        *x = 0.5 * *x * (1.0 + erf);
    }
}

/// Attention of every text over itself: for each text and head `[length, width]`, one after the other.
fn attend(team: &Team, spans: &[Range<usize>], heads: usize, qkv: &[f32], out: &mut [f32]) {
    let rows = spans.last().map_or(0, |span| span.end);
    let Some(h) = out.len().checked_div(rows) else { return };
    let width = h / heads;
    let mut tasks = Vec::with_capacity(spans.len() * heads);
    let mut rest = out;
    for span in spans {
        for head in 0..heads {
            let (own, later) = rest.split_at_mut(span.len() * width);
            rest = later;
            tasks.push((span.clone(), head, own));
        }
    }
    let scale = 1.0 / (width as f32).sqrt();
    let kinds = Format::F32.kinds();
    team.each_of(tasks, |_, (span, head, out)| {
        let (length, stride) = (span.len(), 3 * h);
        let part = |number: usize| {
            let values = &qkv[span.start * stride + number * h + head * width..];
            View { values, rows: length, columns: width, stride }
        };
        let (queries, mut input, mut packed) = (part(0), Input::default(), Format::F32.matrix());
        input.fill(team, kinds, length, width, |row, buffer| {
            buffer.copy_from_slice(&queries.values[row * stride..][..width]);
        });
        packed.pack_rows(team, &part(1));
        let mut weights = vec![0.0; length * length];
        project(team, &input, &[&packed], false, &mut weights);
        for row in weights.chunks_exact_mut(length) {
            let inverse = 1.0 / softmax(row, scale);
            for weight in row {
                *weight *= inverse;
            }
        }
        input.copy(team, kinds, &weights, length);
        packed.pack_columns(team, &part(2));
        project(team, &input, &[&packed], false, out);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gelu_is_that_of_the_error_function() {
        // scipy.special.erf, in double precision.
        for (x, expected) in [
            (-6.0_f32, -5.919_526e-9_f64),
            (-2.0, -0.045_500_263_896_358_4),
            (-0.5, -0.154_268_769_362_993_45),
            (0.0, 0.0),
            (0.1, 0.053_982_783_727_702_9),
            (1.0, 0.841_344_746_068_542_9),
            (3.0, 2.995_950_305_905_11),
            // About where it is worst.
            (3.11, 3.107_090_791_802_310_7),
            (9.0, 9.0),
        ] {
            let mut row = [x];
            gelu(&mut row);
            assert!((f64::from(row[0]) - expected).abs() < 5e-7, "{x}: {row:?}, {expected}");
        }
        // By Simpson's rule, whose error is far below.
        let erf = |z: f64| {
            let (steps, density) = (400, |t: f64| (-t * t).exp());
            let step = z / f64::from(steps);
            let inner: f64 =
                (1..steps).map(|n| f64::from(2 + 2 * (n % 2)) * density(f64::from(n) * step)).sum();
            (density(0.0) + inner + density(z)) * step / 3.0 * std::f64::consts::FRAC_2_SQRT_PI
        };
        for place in -1_200..=1_200_i16 {
            let mut row = [f32::from(place) / 200.0];
            let x = f64::from(row[0]);
            gelu(&mut row);
            let expected = x / 2.0 * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2));
            assert!((f64::from(row[0]) - expected).abs() < 5e-7, "{x}: {row:?}, {expected}");
        }
        let mut bad = [f32::NAN];
        gelu(&mut bad);
        assert!(bad[0].is_nan());
    }

    #[test]
    fn a_normed_row_has_no_mean_and_a_variance_of_one() {
        let team = Team::new(1).expect("a team");
        let norm = Norm { weight: vec![1.0; 40], bias: vec![0.0; 40], epsilon: 1e-12 };
        let mut x: Vec<f32> = (0..80_u8).map(|x| f32::from(x).sin() * 5.0).collect();
        norm.behind(&team, &mut x, &[0.5; 40]);
        for row in x.chunks(40) {
            assert!((sum(row, |x| x) / 40.0).abs() < 1e-6);
            assert!((sum(row, |x| x * x) / 40.0 - 1.0).abs() < 1e-5);
        }
    }
}
