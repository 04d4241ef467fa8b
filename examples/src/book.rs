//! Compiles and runs the code of the book, chapter by chapter.

#[doc = include_str!("../../docs/book/src/first-search.md")]
struct FirstSearch;
#[doc = include_str!("../../docs/book/src/strategy.md")]
struct Strategy;
#[doc = include_str!("../../docs/book/src/script.md")]
struct Script;
#[doc = include_str!("../../docs/book/src/verifier.md")]
struct Verifier;
#[doc = include_str!("../../docs/book/src/remote.md")]
struct Remote;
#[doc = include_str!("../../docs/book/src/training.md")]
struct Training;
#[doc = include_str!("../../docs/book/src/reinforcement.md")]
struct Reinforcement;
#[doc = include_str!("../../docs/book/src/results.md")]
struct Results;
#[doc = include_str!("../../docs/book/src/when-not.md")]
struct WhenNot;

mod cookbook {
    #[doc = include_str!("../../docs/book/src/cookbook/early-stop.md")]
    struct EarlyStop;
    #[doc = include_str!("../../docs/book/src/cookbook/best-of-n.md")]
    struct BestOfN;
    #[doc = include_str!("../../docs/book/src/cookbook/token-budget.md")]
    struct TokenBudget;
    #[doc = include_str!("../../docs/book/src/cookbook/compare.md")]
    struct Compare;
    #[doc = include_str!("../../docs/book/src/cookbook/choose.md")]
    struct Choose;
    #[doc = include_str!("../../docs/book/src/cookbook/resume.md")]
    struct Resume;
    #[doc = include_str!("../../docs/book/src/cookbook/pool.md")]
    struct Pool;
    #[doc = include_str!("../../docs/book/src/cookbook/task.md")]
    struct Task;
    #[doc = include_str!("../../docs/book/src/cookbook/rule.md")]
    struct Rule;
    #[doc = include_str!("../../docs/book/src/cookbook/judge.md")]
    struct Judge;
    #[doc = include_str!("../../docs/book/src/cookbook/latency.md")]
    struct Latency;
    #[doc = include_str!("../../docs/book/src/cookbook/page.md")]
    struct Page;
    #[doc = include_str!("../../docs/book/src/cookbook/labels.md")]
    struct Labels;
    #[doc = include_str!("../../docs/book/src/cookbook/serve.md")]
    struct Serve;
    #[doc = include_str!("../../docs/book/src/cookbook/data.md")]
    struct Data;
}

mod pages {
    #[doc = include_str!("../../docs/migrate.md")]
    struct Migrate;
    #[doc = include_str!("../../docs/training.md")]
    struct Training;
    #[doc = include_str!("../../docs/remote.md")]
    struct Remote;
}
