//! What two models cost that read the same tokens.

use tts_core::cost::ModelCost;

/// The cost of both: parameters and layers add up, and so does attention, whose width is the mean over
/// all layers, rounded up.
pub(crate) fn together(a: ModelCost, b: ModelCost) -> ModelCost {
    let layers = a.layers + b.layers;
    let width = a.layers * a.query_width + b.layers * b.query_width;
    ModelCost {
        parameters: a.parameters + b.parameters,
        layers,
        query_width: width.div_ceil(layers.max(1)),
    }
}
