//! The experts of a layer in one tensor, as gpt-oss's files and Granite's hold them, taken apart.
//!
//! Gate and up are one tensor. Granite's is `[experts, outputs, inputs]`, and its outputs are those of the gate, then
//! those of up. gpt-oss's are theirs by turns: the even ones the gate's, the odd ones up's. In floats it is
//! `[experts, inputs, outputs]`, the other way round than a projection elsewhere. In MXFP4 it is two tensors of
//! bytes, `[experts, outputs, blocks, 16]` of four bits and `[experts, outputs, blocks]` of scales, for blocks of 32
//! inputs; the two values of a byte are neighbours, the first in the low half. ggml keeps the first 16 values of a
//! block in the low halves and the others in the high ones, and that is how they leave here ([`Dtype::MXFP4`]).
//!
//! Source: `modeling_gpt_oss.py`, `integrations/mxfp4.py` and `modeling_granitemoe.py` of Hugging Face transformers;
//! checked against all three.

use crate::weights::config::families::Stacked;
use crate::weights::names::OfExpert;
use crate::weights::{Dtype, RawTensor};

/// Bytes of a block's values.
const BLOCK: usize = 16;

/// Where an expert's tensor lies in that of all experts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Name of the tensor of all experts, in floats.
    pub(super) name: String,
    /// Which expert.
    pub(super) expert: usize,
    /// Which of the networks whose outputs lie in it, and how many these are.
    share: (usize, usize),
    /// Whether it is a bias.
    bias: bool,
    /// Whether outputs are shared out by turns, and lie behind inputs.
    turns: bool,
}

/// Refuses a shape of nothing, whose other sizes may be as large as a file likes to say.
fn filled(shape: &[usize]) -> Result<(), String> {
    if shape.contains(&0) {
        return Err(format!("shape {shape:?} of an expert, expected no size of 0"));
    }
    Ok(())
}

/// Bytes that stand for something else, of one expert, and their shape.
pub(super) type Bytes = (Vec<usize>, Vec<u8>);

impl Part {
    /// Of a tensor's name in this library; `None` where it is not an expert's, or files hold it by itself.
    pub(super) fn of(name: &str, form: Stacked) -> Option<Self> {
        let OfExpert { layer, expert, part, bias } = OfExpert::of(name)?;
        let (turns, kind) = match (form, bias) {
            (Stacked::ByTurns, true) => (true, "_bias"),
            (Stacked::ByTurns, false) => (true, ""),
            (Stacked::Halves, false) => (false, ".weight"),
            (Stacked::Halves, true) | (Stacked::Apart, _) => return None,
        };
        let (stored, share) = match part {
            "gate_proj" => ("gate_up_proj", (0, 2)),
            "up_proj" => ("gate_up_proj", (1, 2)),
            "down_proj" => ("down_proj", (0, 1)),
            _ => return None,
        };
        let name = format!("model.layers.{layer}.mlp.experts.{stored}{kind}");
        Some(Self { name, expert, share, bias, turns })
    }

    /// The names of blocks and scales; `None` for what has neither.
    pub(super) fn quantised(&self) -> Option<[String; 2]> {
        let names = ["_blocks", "_scales"].map(|kind| format!("{}{kind}", self.name));
        Some(names).filter(|_| self.turns && !self.bias)
    }

    /// Its outputs among so many, or a sentence if they cannot be shared out.
    fn outputs(&self, all: usize) -> Result<impl Iterator<Item = usize> + Clone, String> {
        let (own, count) = self.share;
        if !all.is_multiple_of(count) {
            let how = if self.turns { "by turns" } else { "in halves" };
            return Err(format!("{all} outputs, expected gate and up {how}"));
        }
        let each = all / count;
        let first = if self.turns { own } else { own * each };
        let step = if self.turns { count } else { 1 };
        Ok((first..all).step_by(step).take(each))
    }

    /// `[outputs, inputs]`, or `[outputs]` of a bias, from the floats of its expert.
    ///
    /// # Errors
    /// A sentence, when these are of another form.
    pub(super) fn of_floats(&self, one: &RawTensor) -> Result<RawTensor, String> {
        let RawTensor { shape, dtype, bytes, .. } = one;
        filled(shape)?;
        let (inputs, all) = match (shape.as_slice(), self.bias) {
            ([all], true) => (None, *all),
            ([inputs, all], false) if self.turns => (Some(*inputs), *all),
            ([all, inputs], false) => (Some(*inputs), *all),
            _ => return Err(format!("shape {shape:?} of an expert")),
        };
        let size = dtype.block_bytes();
        let outputs = self.outputs(all)?;
        let mut own = Vec::with_capacity(bytes.len());
        for output in outputs.clone() {
            let count = inputs.unwrap_or(1);
            for input in 0..count {
                let place = if self.turns { input * all + output } else { output * count + input };
                let at = place * size;
                own.extend_from_slice(&bytes[at..at + size]);
            }
        }
        let shape = std::iter::once(outputs.count()).chain(inputs).collect();
        Ok(RawTensor { name: self.name.clone(), shape, dtype: *dtype, bytes: own })
    }

    /// `[outputs, inputs]` from the blocks and the scales of its expert.
    ///
    /// # Errors
    /// A sentence, when the two do not belong together.
    pub(super) fn of_blocks(
        &self,
        (shape, blocks): &Bytes,
        (shape_of_scales, scales): &Bytes,
    ) -> Result<RawTensor, String> {
        let &[all, count, BLOCK] = shape.as_slice() else {
            return Err(format!(
                "blocks {shape:?} of an expert, expected [outputs, blocks, {BLOCK}]"
            ));
        };
        if *shape_of_scales != [all, count] {
            return Err(format!("scales {shape_of_scales:?} for blocks {shape:?} of an expert"));
        }
        filled(shape)?;
        let outputs = self.outputs(all)?;
        let mut bytes = Vec::with_capacity(blocks.len() + scales.len());
        for block in outputs.clone().flat_map(|output| output * count..(output + 1) * count) {
            bytes.push(scales[block]);
            let stored = &blocks[block * BLOCK..(block + 1) * BLOCK];
            let value = |index: usize| stored[index / 2] >> (4 * (index % 2)) & 15;
            bytes.extend((0..BLOCK).map(|low| value(low) | value(low + BLOCK) << 4));
        }
        let shape = vec![outputs.count(), count * Dtype::MXFP4.block_len()];
        Ok(RawTensor { name: self.name.clone(), shape, dtype: Dtype::MXFP4, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(shape: Vec<usize>, values: &[u8]) -> RawTensor {
        let bytes = values.iter().flat_map(|&value| f32::from(value).to_le_bytes()).collect();
        RawTensor { name: "all".to_owned(), shape, dtype: Dtype::F32, bytes }
    }

    fn part(name: &str) -> Part {
        Part::of(&format!("model.layers.7.mlp.experts.{name}"), Stacked::ByTurns).unwrap()
    }

    fn half(name: &str) -> Option<Part> {
        Part::of(&format!("model.layers.7.mlp.experts.{name}"), Stacked::Halves)
    }

    #[test]
    fn names_say_where_a_part_lies() {
        assert_eq!(part("11.up_proj.weight").name, "model.layers.7.mlp.experts.gate_up_proj");
        assert_eq!(part("11.up_proj.weight").expert, 11);
        assert_eq!(part("0.gate_proj.bias").name, "model.layers.7.mlp.experts.gate_up_proj_bias");
        assert_eq!(part("0.down_proj.bias").name, "model.layers.7.mlp.experts.down_proj_bias");
        let [blocks, scales] = part("0.down_proj.weight").quantised().unwrap();
        assert_eq!(blocks, "model.layers.7.mlp.experts.down_proj_blocks");
        assert_eq!(scales, "model.layers.7.mlp.experts.down_proj_scales");
        assert_eq!(part("0.down_proj.bias").quantised(), None);
        for other in [
            "model.layers.7.mlp.gate_proj.weight",
            "model.layers.7.mlp.experts.x.up_proj.weight",
            "model.layers.7.mlp.experts.1.o_proj.weight",
            "model.layers.7.mlp.experts.1.up_proj.scale",
        ] {
            assert_eq!(Part::of(other, Stacked::ByTurns), None, "{other}");
        }
        let down = "model.layers.7.mlp.experts.1.down_proj.weight";
        assert_eq!(Part::of(down, Stacked::Apart), None);
        let down = half("1.down_proj.weight").unwrap();
        assert_eq!(
            (down.name.as_str(), down.quantised()),
            ("model.layers.7.mlp.experts.down_proj.weight", None)
        );
        assert_eq!(half("1.down_proj.bias"), None);
    }

    #[test]
    fn floats_are_turned_and_shared_out() {
        // Two inputs, four outputs.
        let all = floats(vec![2, 4], &[0, 1, 2, 3, 10, 11, 12, 13]);
        let gate = part("0.gate_proj.weight").of_floats(&all).unwrap();
        assert_eq!(
            (gate.shape.clone(), gate.to_f32().unwrap()),
            (vec![2, 2], vec![0., 10., 2., 12.])
        );
        let up = part("0.up_proj.weight").of_floats(&all).unwrap();
        assert_eq!(up.to_f32().unwrap(), [1., 11., 3., 13.]);
        let down = part("0.down_proj.weight").of_floats(&all).unwrap();
        assert_eq!(down.shape, [4, 2]);
        assert_eq!(down.to_f32().unwrap(), [0., 10., 1., 11., 2., 12., 3., 13.]);
        let bias = part("0.up_proj.bias").of_floats(&floats(vec![4], &[5, 6, 7, 8])).unwrap();
        assert_eq!((bias.shape.clone(), bias.to_f32().unwrap()), (vec![2], vec![6., 8.]));
        let odd = part("0.up_proj.weight").of_floats(&floats(vec![1, 3], &[1, 2, 3])).unwrap_err();
        assert_eq!(odd, "3 outputs, expected gate and up by turns");
        let flat = part("0.up_proj.weight").of_floats(&floats(vec![4], &[1, 2, 3, 4])).unwrap_err();
        assert_eq!(flat, "shape [4] of an expert");
    }

    #[test]
    fn halves_are_rows() {
        // Four outputs, two inputs.
        let all = floats(vec![4, 2], &[0, 1, 10, 11, 20, 21, 30, 31]);
        let of = |name: &str| half(name).unwrap().of_floats(&all).unwrap();
        let (gate, up) = (of("0.gate_proj.weight"), of("0.up_proj.weight"));
        assert_eq!((gate.shape.as_slice(), up.shape.as_slice()), (&[2, 2][..], &[2, 2][..]));
        assert_eq!(gate.to_f32().unwrap(), [0., 1., 10., 11.]);
        assert_eq!(up.to_f32().unwrap(), [20., 21., 30., 31.]);
        assert_eq!(of("0.down_proj.weight").to_f32().unwrap(), all.to_f32().unwrap());
        let odd = half("0.up_proj.weight").unwrap().of_floats(&floats(vec![3, 1], &[1, 2, 3]));
        assert_eq!(odd.unwrap_err(), "3 outputs, expected gate and up in halves");
    }

    /// Neighbours of a byte come to lie in its low and in its high half 16 values further on.
    #[test]
    fn blocks_take_ggmls_order() {
        // Value i of a block is i / 2, so that both halves of byte j hold j; scales name the output.
        let blocks: Vec<u8> = (0..4).flat_map(|_| (0..16).map(|j| j | (j << 4))).collect();
        let (blocks, scales) = ((vec![4, 1, 16], blocks), (vec![4, 1], vec![100, 101, 102, 103]));
        let up = part("0.up_proj.weight").of_blocks(&blocks, &scales).unwrap();
        assert_eq!((up.dtype, up.shape.clone()), (Dtype::MXFP4, vec![2, 32]));
        let values: Vec<u8> = (0..16).map(|j| (j / 2) | ((j / 2 + 8) << 4)).collect();
        assert_eq!(up.bytes, [&[101], &values[..], &[103], &values[..]].concat());
        for (shape, scales, expected) in [
            (vec![4, 16], (vec![4, 1], vec![0; 4]), "blocks [4, 16] of an expert, expected"),
            (vec![4, 2, 8], (vec![4, 2], vec![0; 8]), "blocks [4, 2, 8] of an expert, expected"),
            (vec![4, 1, 16], (vec![2, 2], vec![0; 4]), "scales [2, 2] for blocks [4, 1, 16]"),
        ] {
            let of = part("0.up_proj.weight").of_blocks(&(shape, vec![0; 64]), &scales);
            assert!(of.clone().unwrap_err().starts_with(expected), "{of:?}");
        }
    }
}
