//! Reads from a `config.json` how positions turn heads.
//!
//! Files say it in `rope_parameters` (transformers 5; where kinds of layers differ, in an object for each kind), or in
//! `rope_theta` and `rope_scaling`. A file that says both, and not the same, is refused: programs take the one or the
//! other. Errors have the names that the file has.
//!
//! Source: `modeling_rope_utils.py` and `configuration_*.py` of Hugging Face transformers.

use super::bounds::{held, shown};
use super::families::Family;
use super::json::Object;
use super::rope::longrope_attention;
use super::{Problem, RopeScaling};
use crate::ModelError;

const ORIGINAL: &str = "original_max_position_embeddings";
const NEWER: &str = "rope_parameters";
const OLDER: &str = "rope_scaling";

/// The object that says it of layers that see everything.
pub(super) fn stated<'a>(object: &Object<'a>) -> Result<Option<Object<'a>>, ModelError> {
    let Some(all) = object.object(NEWER)? else { return object.object(OLDER) };
    // By kinds of layers.
    Ok(Some(all.object("full_attention")?.unwrap_or(all)))
}

/// That of layers with windows, where it stands apart.
fn sliding<'a>(object: &Object<'a>) -> Result<Option<Object<'a>>, ModelError> {
    object.object(NEWER)?.map_or(Ok(None), |all| all.object("sliding_attention"))
}

/// Base and scaling.
pub(super) fn read(
    object: &Object<'_>,
    family: &Family,
    head_dim: usize,
) -> Result<(f64, RopeScaling), ModelError> {
    let top = object.float("rope_theta")?.unwrap_or(family.defaults.rope_theta);
    let Some(own) = stated(object)? else { return Ok((top, (family.defaults.scaling)())) };
    let found = one(&own, object, family, (head_dim, top))?;
    if object.has(NEWER)
        && let Some(older) = object.object(OLDER)?
    {
        // It need not say the base again.
        let base = own.float("rope_theta")?.unwrap_or(top);
        if one(&older, object, family, (head_dim, base))? != found {
            let what =
                format!("scaling beside another one in {NEWER}; leave the one that is meant");
            return Err(object.unsupported(OLDER, what));
        }
    }
    Ok(found)
}

/// What one object says, for heads of this width, with the base where it does not say.
fn one(
    own: &Object<'_>,
    object: &Object<'_>,
    family: &Family,
    (head_dim, base): (usize, f64),
) -> Result<(f64, RopeScaling), ModelError> {
    let theta = own.float("rope_theta")?.unwrap_or(base);
    let name = kind(own);
    let float = |name| own.required(name, own.float(name)?);
    let scaling = match own.text(name)? {
        Some("default") => RopeScaling::None,
        Some("linear") => RopeScaling::Linear { factor: float("factor")? },
        Some("llama3") => RopeScaling::Llama3 {
            factor: float("factor")?,
            low_freq_factor: float("low_freq_factor")?,
            high_freq_factor: float("high_freq_factor")?,
            original_max_position_embeddings: float(ORIGINAL)?,
        },
        Some("yarn") => yarn(own, object)?,
        Some(LONGROPE | FIRST_LONGROPE) => longrope(own, object, family)?,
        Some("factors") => RopeScaling::Factors(own.floats("factors")?),
        Some("dynamic") if own.has("alpha") => {
            if !family.stretches_by_alpha {
                return Err(own.unsupported("alpha", "stretching by alpha in this family"));
            }
            return Ok((stretched(own, theta, head_dim)?, RopeScaling::None));
        }
        // Nothing changes within the positions of the file, and no model is opened for more.
        Some("dynamic") => {
            let number = held("factor", float("factor")?);
            number.map_err(|(field, problem)| own.error(field, problem))?;
            RopeScaling::None
        }
        Some(other) => {
            let what = format!("scaling {other:?}; linear, dynamic, llama3, yarn and longrope are");
            return Err(own.unsupported(name, what));
        }
        None if own.has("rope_theta") => RopeScaling::None,
        None => return Err(own.error("rope_type", "is missing")),
    };
    Ok((theta, scaling))
}

const LONGROPE: &str = "longrope";
/// Its first name.
const FIRST_LONGROPE: &str = "su";

/// The field that names the kind of scaling.
fn kind(own: &Object<'_>) -> &'static str {
    if own.has("rope_type") { "rope_type" } else { "type" }
}

/// Hunyuan's base, which is stretched at every length: the slowest pair turns `alpha` times as slowly, the fastest as
/// before.
fn stretched(own: &Object<'_>, theta: f64, head_dim: usize) -> Result<f64, ModelError> {
    let wrong = |(field, problem): Problem| own.error(field, problem);
    let alpha = own.required("alpha", own.float("alpha")?)?;
    held("alpha", alpha).map_err(wrong)?;
    let width = head_dim as f64;
    let stretched = theta * alpha.powf(width / (width - 2.0));
    // What is wrong with the base itself is told as such.
    if held("rope_theta", theta).is_ok() && held("rope_theta", stretched).is_err() {
        let base = shown(stretched);
        return Err(own.error("alpha", format!("{}, which makes a base of {base}", shown(alpha))));
    }
    Ok(stretched)
}

/// The base of layers with windows, by the parameters of their kind; these are not scaled.
pub(super) fn local_base(object: &Object<'_>) -> Result<Option<f64>, ModelError> {
    let Some(own) = sliding(object)? else { return Ok(None) };
    if let Some(other) = own.text("rope_type")?.filter(|kind| *kind != "default") {
        let what = format!("scaling {other:?} of layers with windows");
        return Err(own.unsupported("rope_type", what));
    }
    own.float("rope_theta")
}

/// What is wrong with a field of a config, under the name and at the place that the file has for it.
pub(super) fn named(object: &Object<'_>, (field, problem): Problem) -> ModelError {
    // What cannot be read was told before.
    let own = stated(object).ok().flatten();
    let local = sliding(object).ok().flatten();
    if let Some(rest) = field.strip_prefix("rope_scaling.") {
        let long =
            |own: &Object<'_>| matches!(own.text(kind(own)), Ok(Some(LONGROPE | FIRST_LONGROPE)));
        return match own {
            // Beside the scaling, in Phi's files.
            Some(own) if object.has(rest) && (!own.has(rest) || long(&own)) => {
                object.error(rest, problem)
            }
            Some(own) => own.error(rest, problem),
            None => object.error(field, problem),
        };
    }
    match (field, own, local) {
        ("rope_theta" | "partial_rotary_factor" | "llama_4_scaling_beta", Some(own), _)
            if own.has(field) =>
        {
            own.error(field, problem)
        }
        ("rope_local_base_freq", _, Some(local)) if local.has("rope_theta") => {
            local.error("rope_theta", problem)
        }
        _ => object.error(field, problem),
    }
}

/// The two lists of longrope. How long the original context was stands in them, or, in Phi's files, beside them: its
/// class has a number for those that do not say, and takes that before theirs, as transformers does.
fn longrope(
    own: &Object<'_>,
    object: &Object<'_>,
    family: &Family,
) -> Result<RopeScaling, ModelError> {
    for field in ["short_mscale", "long_mscale"] {
        if own.has(field) {
            return Err(own.unsupported(field, "factor of attention that differs by length"));
        }
    }
    let original = match object.float(ORIGINAL)?.or(family.defaults.original_positions) {
        Some(original) => original,
        None => own.required(ORIGINAL, own.float(ORIGINAL)?)?,
    };
    let positions = object.float("max_position_embeddings")?;
    let positions = positions.unwrap_or(family.defaults.positions as f64);
    let factor = own.float("factor")?.unwrap_or(positions / original);
    let stated = own.float("attention_factor")?;
    Ok(RopeScaling::LongRope {
        short_factor: own.floats("short_factor")?,
        long_factor: own.floats("long_factor")?,
        original_max_position_embeddings: original,
        attention_factor: stated.unwrap_or_else(|| longrope_attention(factor, original)),
    })
}

/// Yarn's numbers, with the defaults that they have.
fn yarn(own: &Object<'_>, object: &Object<'_>) -> Result<RopeScaling, ModelError> {
    // An early name of Phi's for longrope with another factor of attention.
    for field in ["short_factor", "long_factor"] {
        if own.has(field) {
            return Err(own.unsupported(field, "list of factors in yarn; longrope has them"));
        }
    }
    let positions = || {
        let name = "max_position_embeddings";
        object.required(name, object.float(name)?)
    };
    let stated = own.float(ORIGINAL)?;
    let factor = match (own.float("factor")?, stated) {
        (Some(factor), _) => factor,
        (None, Some(original)) if original > 0.0 => positions()? / original,
        (None, _) => return Err(own.error("factor", "is missing")),
    };
    let original = stated.map_or_else(positions, Ok)?;
    let grown = |by: f64| if factor <= 1.0 { 1.0 } else { 0.1 * by * factor.ln() + 1.0 };
    let attention_factor = match own.float("attention_factor")? {
        Some(given) => given,
        // By what stretching alone would give, as files for llama.cpp and vLLM say it; transformers passes over it.
        None if own.has("attn_factor") => own.float("attn_factor")?.unwrap_or(1.0) * grown(1.0),
        None => match (own.float("mscale")?, own.float("mscale_all_dim")?) {
            (Some(one), Some(all)) if one.abs() > 0.0 && all.abs() > 0.0 => grown(one) / grown(all),
            _ => grown(1.0),
        },
    };
    Ok(RopeScaling::Yarn {
        factor,
        original_max_position_embeddings: original,
        beta_fast: own.float("beta_fast")?.unwrap_or(32.0),
        beta_slow: own.float("beta_slow")?.unwrap_or(1.0),
        attention_factor,
        truncate: own.boolean("truncate")?.unwrap_or(true),
    })
}
