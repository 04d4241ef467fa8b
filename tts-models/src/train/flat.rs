//! The weights of a module that learn as one vector, and back.
//!
//! Optimisers, clipping and checkpoints then know one tensor `[n]` instead of a tree of them. The
//! order is that of the module's fields.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

/// Which weights learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Learnt {
    /// All of them.
    All,
    /// The factors of adapters, and the label head.
    Beside,
}

/// Where in a module a visitor is.
struct Place {
    learnt: Learnt,
    /// Modules entered since the one that learns, itself included.
    within: usize,
}

impl Place {
    /// The fields whose weights learn beside a decoder.
    const BESIDE: [&'static str; 2] = ["low_rank", "label"];

    fn new(learnt: Learnt) -> Self {
        Self { learnt, within: 0 }
    }

    fn enter(&mut self, name: &str) {
        if self.within > 0 || Self::BESIDE.contains(&name) {
            self.within += 1;
        }
    }

    fn exit(&mut self) {
        self.within = self.within.saturating_sub(1);
    }

    fn learns(&self) -> bool {
        self.learnt == Learnt::All || self.within > 0
    }
}

/// Makes of what a weight that learns comes to one vector.
struct Collect<B: Backend, F> {
    place: Place,
    /// Of a weight's values, its number of dimensions, and the number of weights before it, `[count]`.
    of: F,
    all: Vec<Tensor<B, 1>>,
    at: usize,
}

impl<B: Backend, F> Collect<B, F> {
    fn new(learnt: Learnt, of: F) -> Self {
        Self { place: Place::new(learnt), of, all: Vec::new(), at: 0 }
    }
}

impl<B: Backend, F: Fn(Tensor<B, 1>, usize, usize) -> Tensor<B, 1>> ModuleVisitor<B>
    for Collect<B, F>
{
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if !self.place.learns() {
            return;
        }
        let weights = param.val(); // [..]
        let count = weights.shape().num_elements();
        self.all.push((self.of)(weights.reshape([count]), D, self.at)); // [count]
        self.at += count;
    }

    fn enter_module(&mut self, name: &str, _: &str) {
        self.place.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.place.exit();
    }
}

/// The weights of a module that learn, `[n]`.
pub(super) fn flatten<B: Backend, M: Module<B>>(module: &M, learnt: Learnt) -> Tensor<B, 1> {
    let mut all = Collect::new(learnt, |weights, _, _| weights);
    module.visit(&mut all);
    Tensor::cat(all.all, 0) // [n]
}

/// For each of them 1 if it lies in a matrix other than the embedding, and behind the
/// first `frozen`, and 0 if not, `[n]`: where weight decay applies.
pub(super) fn matrices<B: Backend, M: Module<B>>(
    module: &M,
    learnt: Learnt,
    frozen: usize,
) -> Tensor<B, 1> {
    // The embedding comes first, where it learns.
    let embedding = usize::from(learnt == Learnt::All);
    let mut all = Collect::new(learnt, |weights: Tensor<B, 1>, dims, at| {
        let decays = dims > 1 && at >= embedding && at >= frozen;
        Tensor::full(weights.shape(), if decays { 1.0 } else { 0.0 }, &weights.device()) // [count]
    });
    module.visit(&mut all);
    Tensor::cat(all.all, 0) // [n]
}

/// The module with the weights `[n]`, each a new leaf of the graph; the first `frozen` of them are
/// constants, below which no graph is built, and so are those that do not learn.
pub(super) fn unflatten<B: AutodiffBackend, M: Module<B>>(
    module: M,
    learnt: Learnt,
    weights: &Tensor<B::InnerBackend, 1>,
    frozen: usize,
) -> M {
    struct Put<'a, B: AutodiffBackend> {
        place: Place,
        weights: &'a Tensor<B::InnerBackend, 1>,
        at: usize,
        frozen: usize,
    }
    impl<B: AutodiffBackend> ModuleMapper<B> for Put<'_, B> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let (id, old, mapper) = param.consume();
            if !self.place.learns() {
                return Param::from_mapped_value(id, Tensor::from_inner(old.inner()), mapper);
            }
            let shape = old.shape();
            let count = shape.num_elements();
            let new = self.weights.clone().narrow(0, self.at, count).reshape(shape); // [..]
            let learnt = self.at >= self.frozen;
            self.at += count;
            let new = Tensor::from_inner(new).set_require_grad(learnt);
            Param::from_mapped_value(id, new, mapper)
        }

        fn enter_module(&mut self, name: &str, _: &str) {
            self.place.enter(name);
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.place.exit();
        }
    }
    module.map(&mut Put { place: Place::new(learnt), weights, at: 0, frozen })
}

/// The gradients of the weights that learn, `[n]`; 0 where the loss does not depend on one.
pub(super) fn gradients<B: AutodiffBackend, M: Module<B>>(
    module: &M,
    learnt: Learnt,
    gradients: &B::Gradients,
) -> Tensor<B::InnerBackend, 1> {
    struct Sum<'a, B: AutodiffBackend> {
        place: Place,
        gradients: &'a B::Gradients,
        all: Vec<Tensor<B::InnerBackend, 1>>,
    }
    impl<B: AutodiffBackend> ModuleVisitor<B> for Sum<'_, B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            if !self.place.learns() {
                return;
            }
            let weights = param.val(); // [..]
            let count = weights.shape().num_elements();
            let gradient = weights.grad(self.gradients).map_or_else(
                || Tensor::zeros([count], &weights.device()),
                |gradient| gradient.reshape([count]),
            );
            self.all.push(gradient); // [count]
        }

        fn enter_module(&mut self, name: &str, _: &str) {
            self.place.enter(name);
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.place.exit();
        }
    }
    let mut all = Sum::<B> { place: Place::new(learnt), gradients, all: Vec::new() };
    module.visit(&mut all);
    Tensor::cat(all.all, 0) // [n]
}
