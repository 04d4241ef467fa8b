//! The inner loop of integer products: `R` rows against `P` panels.
//!
//! For each block of 32 inputs every pair of a row and an output is one integer sum, which no order
//! of additions can change. It becomes a float, is scaled, and added to the f32 sum of the pair,
//! blocks from front to back.

use half::f16;

use super::{BLOCK, Int8Panel, Levels};
use crate::kernels::input::Bytes;
use crate::kernels::matrix::{Line, PANEL};

/// The safe reference: `out[r][p][lane]`, rows and panels of as many blocks each.
pub(in super::super) fn portable<const R: usize, const P: usize>(
    x: &[&[Bytes]; R],
    w: &[Int8Panel<'_>; P],
    out: &mut [[[f32; PANEL]; P]; R],
) {
    for (row, out) in x.iter().zip(out) {
        for (panel, out) in w.iter().zip(out) {
            *out = [0.0; PANEL];
            let blocks = panel.scales.len();
            // Each block, and what it has left over where that is kept.
            let both = (0..blocks).flat_map(|block| {
                let second = row[block].fine.then_some((block, blocks + block));
                [(block, block)].into_iter().chain(second)
            });
            for (block, place) in both {
                let bytes = &row[place];
                for (lane, out) in out.iter_mut().enumerate() {
                    let mut sum = -panel.offset * bytes.sum;
                    for input in 0..BLOCK {
                        let byte = bytes.words[input / 4].to_le_bytes()[input % 4].cast_signed();
                        sum += i32::from(panel.level(lane, block, input)) * i32::from(byte);
                    }
                    let scale = f16::from_bits(panel.scales[block].0[lane]).to_f32() * bytes.scale;
                    *out = (sum as f32).mul_add(scale, *out);
                    if let Some(minima) = panel.minima.get(block) {
                        let minimum = f16::from_bits(minima.0[lane]).to_f32();
                        *out = minimum.mul_add(bytes.scaled_sum, *out);
                    }
                }
            }
        }
    }
}

/// Whether all operands have as many blocks, and inputs as many or twice as many; their number.
pub(super) fn blocks<const R: usize, const P: usize>(
    x: &[&[Bytes]; R],
    w: &[Int8Panel<'_>; P],
) -> usize {
    let blocks = w.first().map_or(0, |panel| panel.scales.len());
    let inputs = x.first().map_or(0, |row| row.len());
    let minima = w.first().is_some_and(|panel| !panel.minima.is_empty());
    let panel_fits = |panel: &Int8Panel<'_>| {
        let levels = match panel.levels {
            Levels::Four(levels) => levels.len(),
            Levels::Eight(levels) => levels.len(),
        };
        let few = if minima { blocks } else { 0 };
        levels == blocks && panel.scales.len() == blocks && panel.minima.len() == few
    };
    assert!(x.iter().all(|row| row.len() == inputs), "rows of one length");
    assert!(inputs == blocks || inputs == 2 * blocks, "blocks, and perhaps second ones");
    assert!(w.iter().all(panel_fits), "panels of that length, alike");
    blocks
}

/// Whether a row has something left over in a block.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a few instructions")]
pub(super) fn fine<const R: usize>(x: &[&[Bytes]; R], block: usize) -> bool {
    let mut any = false;
    for row in x {
        any |= row[block].fine;
    }
    any
}

/// The levels of all panels, if they are of one kind.
fn all<'a, L, const P: usize>(
    w: &[Int8Panel<'a>; P],
    kind: impl Fn(&Levels<'a>) -> Option<&'a [L]>,
) -> Option<[&'a [L]; P]> {
    let mut all: [&[L]; P] = [&[]; P];
    for (levels, panel) in all.iter_mut().zip(w) {
        *levels = kind(&panel.levels)?;
    }
    Some(all)
}

#[cfg(target_arch = "x86_64")]
#[expect(clippy::needless_range_loop, reason = "indices of registers in a tile")]
#[expect(unsafe_code, reason = "vector loads through pointers")]
pub(in super::super) mod x86 {
    use std::arch::x86_64::{
        __m512, __m512i, _MM_HINT_T0, _mm_prefetch, _mm256_load_si256, _mm512_and_si512,
        _mm512_cvtepi32_ps, _mm512_cvtph_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps,
        _mm512_load_si512, _mm512_mul_ps, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_ps,
        _mm512_setzero_ps, _mm512_setzero_si512, _mm512_srli_epi16, _mm512_storeu_ps,
    };

    use super::super::Halves;
    use super::{Bytes, Int8Panel, Levels, Line, PANEL, all, blocks, fine, portable};

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    #[inline]
    fn line(line: &Line<[u8; 64]>) -> __m512i {
        // SAFETY: a `Line` is 64 bytes, aligned to 64.
        unsafe { _mm512_load_si512(std::ptr::from_ref(line).cast()) }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    #[inline]
    fn floats(halves: &Halves) -> __m512 {
        // SAFETY: `Halves` is 32 bytes, aligned to 32.
        _mm512_cvtph_ps(unsafe { _mm256_load_si256(std::ptr::from_ref(halves).cast()) })
    }

    /// Asks for the levels of a block, which may be one beyond these.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few instructions")]
    fn ahead<const N: usize>(levels: &[[Line<[u8; 64]>; N]], block: usize) {
        let block = levels.as_ptr().wrapping_add(block).cast::<i8>();
        for line in 0..N {
            // SAFETY: the instruction is a hint, which never faults, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(block.wrapping_add(64 * line)) };
        }
    }

    /// AVX-512 form of [`super::portable`].
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    #[inline]
    pub(in super::super::super) fn avx512<const R: usize, const P: usize>(
        x: &[&[Bytes]; R],
        w: &[Int8Panel<'_>; P],
        out: &mut [[[f32; PANEL]; P]; R],
    ) {
        let blocks = blocks(x, w);
        let minima = !w[0].minima.is_empty();
        match (all(w, Levels::eight), all(w, Levels::four)) {
            (Some(wide), _) if minima => eight::<R, P, true>(blocks, x, w, wide, out),
            (Some(wide), _) => eight::<R, P, false>(blocks, x, w, wide, out),
            (None, Some(nibbles)) if minima => four::<R, P, true>(blocks, x, w, nibbles, out),
            (None, Some(nibbles)) => four::<R, P, false>(blocks, x, w, nibbles, out),
            (None, None) => portable(x, w, out),
        }
    }

    /// One pass over all blocks, with `products` for the integer sums of each. A macro, because
    /// registers that pass through a call end up in memory.
    macro_rules! over_blocks {
        ($blocks:ident, $x:ident, $w:ident, $levels:ident, $out:ident, |$block:ident, $place:ident, $exact:ident| $products:block) => {
            let together = P > 1 && $levels[0].as_ptr().wrapping_add($blocks) == $levels[P - 1].as_ptr();
            let mut sums: [[__m512; P]; R] = [[_mm512_setzero_ps(); P]; R];
            for $block in 0..$blocks {
                if R <= 2 {
                    // Few rows wait for memory: the panels after these are on their way meanwhile.
                    for p in 0..P {
                        ahead(&$levels[p], $block + if together { P } else { 1 } * $blocks);
                    }
                }
                let mut $place = $block;
                // Once, and again for what the first blocks have left over.
                loop {
                let mut $exact: [[__m512i; P]; R] = [[_mm512_setzero_si512(); P]; R];
                if !MINIMA {
                    for r in 0..R {
                        let sum = $x[r][$place].sum;
                        for p in 0..P {
                            $exact[r][p] = _mm512_set1_epi32(-$w[p].offset * sum);
                        }
                    }
                }
                $products
                for p in 0..P {
                    let scale = floats(&$w[p].scales[$block]);
                    for r in 0..R {
                        let scale = _mm512_mul_ps(scale, _mm512_set1_ps($x[r][$place].scale));
                        let sum = _mm512_cvtepi32_ps($exact[r][p]);
                        sums[r][p] = _mm512_fmadd_ps(sum, scale, sums[r][p]);
                    }
                    if MINIMA {
                        let minimum = floats(&$w[p].minima[$block]);
                        for r in 0..R {
                            let scaled = _mm512_set1_ps($x[r][$place].scaled_sum);
                            sums[r][p] = _mm512_fmadd_ps(minimum, scaled, sums[r][p]);
                        }
                    }
                }
                if $place > $block || !fine(&$x, $block) {
                    break;
                }
                $place += $blocks;
                }
            }
            for r in 0..R {
                for p in 0..P {
                    // SAFETY: a row of `out` is 16 numbers.
                    unsafe { _mm512_storeu_ps($out[r][p].as_mut_ptr(), sums[r][p]) };
                }
            }
        };
    }

    /// Levels of 8 bits.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    // Functions of their own: together they do not get the registers that each needs.
    #[inline(never)]
    fn eight<const R: usize, const P: usize, const MINIMA: bool>(
        blocks: usize,
        x: &[&[Bytes]; R],
        w: &[Int8Panel<'_>; P],
        levels: [&[[Line<[u8; 64]>; 8]]; P],
        out: &mut [[[f32; PANEL]; P]; R],
    ) {
        over_blocks!(blocks, x, w, levels, out, |block, place, exact| {
            for g in 0..8 {
                let mut bytes = [_mm512_setzero_si512(); P];
                for p in 0..P {
                    bytes[p] = line(&levels[p][block][g]);
                }
                for r in 0..R {
                    let input = _mm512_set1_epi32(x[r][place].words[g]);
                    for p in 0..P {
                        exact[r][p] = _mm512_dpbusd_epi32(exact[r][p], bytes[p], input);
                    }
                }
            }
        });
    }

    /// Levels of 4 bits.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    // Functions of their own: together they do not get the registers that each needs.
    #[inline(never)]
    fn four<const R: usize, const P: usize, const MINIMA: bool>(
        blocks: usize,
        x: &[&[Bytes]; R],
        w: &[Int8Panel<'_>; P],
        levels: [&[[Line<[u8; 64]>; 4]]; P],
        out: &mut [[[f32; PANEL]; P]; R],
    ) {
        let nibble = _mm512_set1_epi8(15);
        over_blocks!(blocks, x, w, levels, out, |block, place, exact| {
            for g in 0..4 {
                let mut low = [_mm512_setzero_si512(); P];
                let mut high = [_mm512_setzero_si512(); P];
                for p in 0..P {
                    let both = line(&levels[p][block][g]);
                    low[p] = _mm512_and_si512(both, nibble);
                    high[p] = _mm512_and_si512(_mm512_srli_epi16::<4>(both), nibble);
                }
                for r in 0..R {
                    let first = _mm512_set1_epi32(x[r][place].words[g]);
                    let second = _mm512_set1_epi32(x[r][place].words[g + 4]);
                    for p in 0..P {
                        exact[r][p] = _mm512_dpbusd_epi32(exact[r][p], low[p], first);
                        exact[r][p] = _mm512_dpbusd_epi32(exact[r][p], high[p], second);
                    }
                }
            }
        });
    }
}
