//! From stored blocks, or from f32, to panels of levels.

use half::f16;

use super::{BLOCK, Base, Halves, Int8Panels};
use crate::ModelError;
use crate::kernels::matrix::{Line, PANEL};
use crate::kernels::memory::Placed;
use crate::weights::quant::{self, k, micro, uneven};
use crate::weights::{Dtype, RawTensor};

/// One block of 32 weights of one output.
pub(super) struct Block {
    pub(super) levels: [u8; BLOCK],
    pub(super) scale: f32,
    pub(super) minimum: f32,
}

/// How a type's blocks become panels.
pub(super) struct Form {
    pub(super) four_bits: bool,
    /// `None`: blocks have minima.
    pub(super) offset: Option<u8>,
}

/// The form of a type; `None` for one without blocks.
pub(super) fn form(dtype: Dtype) -> Option<Form> {
    let (four_bits, offset) = match dtype {
        Dtype::Q4_0 => (true, Some(8)),
        Dtype::Q4_1 | Dtype::Q4K => (true, None),
        Dtype::Q5_0 => (false, Some(16)),
        Dtype::Q5_1 | Dtype::Q5K => (false, None),
        Dtype::Q8_0
        | Dtype::Q2K
        | Dtype::Q3K
        | Dtype::Q6K
        | Dtype::IQ4NL
        | Dtype::IQ4XS
        | Dtype::MXFP4 => (false, Some(128)),
        Dtype::F32 | Dtype::F16 | Dtype::BF16 => return None,
    };
    Some(Form { four_bits, offset })
}

impl Int8Panels {
    /// Packs a tensor of a quantised type.
    ///
    /// # Errors
    /// When its bytes are not what its shape asks for, or a scale is not finite in f16.
    pub(in super::super) fn from_blocks(tensor: &RawTensor) -> Result<Self, ModelError> {
        let values = tensor.values()?;
        let inputs = tensor.shape.last().copied().unwrap_or(1);
        let dtype = tensor.dtype;
        let Some(form) = form(dtype) else {
            let problem = format!("{dtype} has no blocks to pack");
            return Err(ModelError::input(&tensor.name, problem));
        };
        let mut panels = Packing::empty(values / inputs, inputs, &form);
        let stored = tensor.bytes.chunks_exact(dtype.block_bytes());
        let mut decoded = Vec::new();
        for (index, bytes) in stored.enumerate() {
            decoded.clear();
            decode(dtype, bytes, &mut decoded);
            let first = index * dtype.block_len() / BLOCK;
            for (sub, block) in decoded.iter().enumerate() {
                let (output, place) =
                    ((first + sub) / panels.blocks, (first + sub) % panels.blocks);
                if !panels.put(output, place, block) {
                    let problem = format!(
                        "row {output}, block {place}: its scale is not finite in 16 bits (at most 65504): f32 weights hold it"
                    );
                    return Err(ModelError::input(&tensor.name, problem));
                }
            }
        }
        Ok(panels.done())
    }

    /// Rounds weights `[outputs, inputs]`, which are finite, to 8 bits.
    pub(in super::super) fn rounded(weights: &[f32], inputs: usize) -> Self {
        let form = Form { four_bits: false, offset: Some(128) };
        let mut panels = Packing::empty(weights.len() / inputs, inputs, &form);
        for (output, row) in weights.chunks_exact(inputs).enumerate() {
            for (place, chunk) in row.chunks(BLOCK).enumerate() {
                let mut values = [0.0; BLOCK];
                values[..chunk.len()].copy_from_slice(chunk);
                panels.put(output, place, &rounded(&values));
            }
        }
        panels.done()
    }
}

/// Panels that are being filled.
type Packing = Int8Panels<Vec<Line<[u8; 64]>>, Vec<Halves>>;

impl Packing {
    fn done(self) -> Int8Panels {
        Int8Panels {
            outputs: self.outputs,
            inputs: self.inputs,
            blocks: self.blocks,
            levels: Placed::of(&self.levels),
            four_bits: self.four_bits,
            scales: Placed::of(&self.scales),
            base: match &self.base {
                Base::Offset(offset) => Base::Offset(*offset),
                Base::Minima(minima) => Base::Minima(Placed::of(minima)),
            },
        }
    }

    fn empty(outputs: usize, inputs: usize, form: &Form) -> Self {
        let blocks = inputs.div_ceil(BLOCK);
        let all = outputs.div_ceil(PANEL) * blocks;
        let zeros = || vec![Halves([0; PANEL]); all];
        let lines = if form.four_bits { 4 } else { 8 };
        Self {
            outputs,
            inputs,
            blocks,
            levels: vec![Line([0; 64]); all * lines],
            four_bits: form.four_bits,
            scales: zeros(),
            base: form.offset.map_or_else(|| Base::Minima(zeros()), |by| Base::Offset(by.into())),
        }
    }

    /// Stores a block; whether its numbers are finite.
    fn put(&mut self, output: usize, place: usize, block: &Block) -> bool {
        let (lane, at) = (output % PANEL, output / PANEL * self.blocks + place);
        let scale = f16::from_f32(block.scale);
        self.scales[at].0[lane] = scale.to_bits();
        let mut finite = scale.is_finite();
        if let Base::Minima(minima) = &mut self.base {
            let minimum = f16::from_f32(block.minimum);
            minima[at].0[lane] = minimum.to_bits();
            finite &= minimum.is_finite();
        }
        for (input, &level) in block.levels.iter().enumerate() {
            let (line, byte) = (input / 4, 4 * lane + input % 4);
            if !self.four_bits {
                self.levels[8 * at + line].0[byte] = level;
            } else if line < 4 {
                self.levels[4 * at + line].0[byte] |= level & 15;
            } else {
                self.levels[4 * at + line - 4].0[byte] |= level << 4;
            }
        }
        finite
    }
}

/// The nearest levels of 8 bits around 128; the scale is not finite where a value is not.
fn rounded(values: &[f32; BLOCK]) -> Block {
    if values.iter().any(|value| !value.is_finite()) {
        return Block { levels: [128; BLOCK], scale: f32::NAN, minimum: 0.0 };
    }
    let most = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    // The scale as it is stored, so that levels are the nearest under it.
    let scale = f16::from_f32(most / 127.0).to_f32();
    let levels = values.map(|value| {
        let level = if scale > 0.0 { (value / scale).round() } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let level = (level + 128.0).clamp(0.0, 255.0) as u8;
        level
    });
    Block { levels, scale, minimum: 0.0 }
}

/// The levels of four-bit floats around 128, exactly. f16 holds powers of two down to `2^-24`: of a smaller scale the
/// levels are rounded to multiples of that.
fn micro(bytes: &[u8]) -> Block {
    let (stored, least) = (micro::scale(bytes[0]), f16::MIN_POSITIVE_SUBNORMAL.to_f32());
    let (scale, smaller) = if stored < least { (least, stored / least) } else { (stored, 1.0) };
    let levels = micro::levels(&bytes[1..]).map(|level| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "116 to 140")]
        let level = ((f32::from(level) * smaller).round() + 128.0) as u8;
        level
    });
    Block { levels, scale, minimum: 0.0 }
}

/// The blocks of 32 in one stored block.
pub(super) fn decode(dtype: Dtype, bytes: &[u8], out: &mut Vec<Block>) {
    let half = |at: usize| quant::half_at(bytes, at);
    // Nibble `j` of the low halves is value `j`, of the high halves value `j + 16`.
    let nibbles = |from: usize| -> [u8; BLOCK] {
        std::array::from_fn(|i| {
            let byte = bytes[from + i % 16];
            if i < 16 { byte & 15 } else { byte >> 4 }
        })
    };
    // Bit `j` of four bytes is the fifth bit of value `j`.
    let five = |high: usize| -> [u8; BLOCK] {
        let low = nibbles(high + 4);
        std::array::from_fn(|i| low[i] | (bytes[high + i / 8] >> (i % 8) & 1) << 4)
    };
    match dtype {
        Dtype::Q4_0 => out.push(Block { levels: nibbles(2), scale: half(0), minimum: 0.0 }),
        Dtype::Q4_1 => out.push(Block { levels: nibbles(4), scale: half(0), minimum: half(2) }),
        Dtype::Q5_0 => out.push(Block { levels: five(2), scale: half(0), minimum: 0.0 }),
        Dtype::Q5_1 => out.push(Block { levels: five(4), scale: half(0), minimum: half(2) }),
        Dtype::Q8_0 => {
            // Two's complement plus 128 is the sign bit turned round.
            let levels = std::array::from_fn(|i| bytes[2 + i] ^ 0x80);
            out.push(Block { levels, scale: half(0), minimum: 0.0 });
        }
        Dtype::Q4K | Dtype::Q5K => {
            for sub in 0..8 {
                let (scale, minimum) = k::scale_and_min(bytes, sub);
                let (from, fifth) = if dtype == Dtype::Q4K { (16, None) } else { (48, Some(16)) };
                let levels = std::array::from_fn(|i| {
                    let byte = bytes[from + sub / 2 * 32 + i];
                    let nibble = if sub % 2 == 0 { byte & 15 } else { byte >> 4 };
                    nibble | fifth.map_or(0, |at: usize| (bytes[at + i] >> sub & 1) << 4)
                });
                out.push(Block { levels, scale, minimum: -minimum });
            }
        }
        Dtype::IQ4NL => {
            let levels = uneven::levels(&bytes[2..]).map(|level| level.cast_unsigned() ^ 0x80);
            out.push(Block { levels, scale: half(0), minimum: 0.0 });
        }
        Dtype::IQ4XS => {
            for sub in 0..8 {
                let levels = uneven::levels(&bytes[8 + 16 * sub..]);
                let levels = levels.map(|level| level.cast_unsigned() ^ 0x80);
                out.push(Block { levels, scale: uneven::scale(bytes, sub), minimum: 0.0 });
            }
        }
        Dtype::MXFP4 => out.push(micro(bytes)),
        _ => {
            let mut values = [0.0; 256];
            quant::decode(dtype, bytes, &mut values);
            out.extend(values.as_chunks().0.iter().map(rounded));
        }
    }
}
