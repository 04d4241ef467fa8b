//! All weights of a module as one vector, and back.
//!
//! Optimisers, clipping and checkpoints then know one tensor `[n]` instead of a tree of them. The
//! order is that of the module's fields.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

/// The weights of a module, `[n]`.
pub(super) fn flatten<B: Backend, M: Module<B>>(module: &M) -> Tensor<B, 1> {
    struct Collect<B: Backend>(Vec<Tensor<B, 1>>);
    impl<B: Backend> ModuleVisitor<B> for Collect<B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let weights = param.val(); // [..]
            let count = weights.shape().num_elements();
            self.0.push(weights.reshape([count])); // [count]
        }
    }
    let mut all = Collect(Vec::new());
    module.visit(&mut all);
    Tensor::cat(all.0, 0) // [n]
}

/// For each weight 1 if it lies in a matrix other than the first, the embedding, and behind the
/// first `frozen` weights, and 0 if not, `[n]`: where weight decay applies.
pub(super) fn matrices<B: Backend, M: Module<B>>(module: &M, frozen: usize) -> Tensor<B, 1> {
    struct Mark<B: Backend> {
        all: Vec<Tensor<B, 1>>,
        at: usize,
        frozen: usize,
    }
    impl<B: Backend> ModuleVisitor<B> for Mark<B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let weights = param.val(); // [..]
            let count = weights.shape().num_elements();
            let decays = D > 1 && self.at > 0 && self.at >= self.frozen;
            self.at += count;
            let device = weights.device();
            self.all.push(Tensor::full([count], if decays { 1.0 } else { 0.0 }, &device)); // [count]
        }
    }
    let mut mark = Mark { all: Vec::new(), at: 0, frozen };
    module.visit(&mut mark);
    Tensor::cat(mark.all, 0) // [n]
}

/// The module with the weights `[n]`, each a new leaf of the graph; the first `frozen` of them are
/// constants, below which no graph is built.
pub(super) fn unflatten<B: AutodiffBackend, M: Module<B>>(
    module: M,
    weights: &Tensor<B::InnerBackend, 1>,
    frozen: usize,
) -> M {
    struct Put<'a, B: AutodiffBackend> {
        weights: &'a Tensor<B::InnerBackend, 1>,
        at: usize,
        frozen: usize,
    }
    impl<B: AutodiffBackend> ModuleMapper<B> for Put<'_, B> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let (id, old, mapper) = param.consume();
            let shape = old.shape();
            let count = shape.num_elements();
            let new = self.weights.clone().narrow(0, self.at, count).reshape(shape); // [..]
            let learnt = self.at >= self.frozen;
            self.at += count;
            let new = Tensor::from_inner(new).set_require_grad(learnt);
            Param::from_mapped_value(id, new, mapper)
        }
    }
    module.map(&mut Put { weights, at: 0, frozen })
}

/// The gradients of a module's weights, `[n]`; 0 where the loss does not depend on a weight.
pub(super) fn gradients<B: AutodiffBackend, M: Module<B>>(
    module: &M,
    gradients: &B::Gradients,
) -> Tensor<B::InnerBackend, 1> {
    struct Collect<'a, B: AutodiffBackend> {
        gradients: &'a B::Gradients,
        all: Vec<Tensor<B::InnerBackend, 1>>,
    }
    impl<B: AutodiffBackend> ModuleVisitor<B> for Collect<'_, B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let weights = param.val(); // [..]
            let count = weights.shape().num_elements();
            let gradient = weights.grad(self.gradients).map_or_else(
                || Tensor::zeros([count], &weights.device()),
                |gradient| gradient.reshape([count]),
            );
            self.all.push(gradient); // [count]
        }
    }
    let mut all = Collect::<B> { gradients, all: Vec::new() };
    module.visit(&mut all);
    Tensor::cat(all.all, 0) // [n]
}
