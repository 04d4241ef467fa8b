//! The full-text index: what it reads, finds and keeps.

#![cfg(feature = "index")]

use std::path::Path;

use tts_search::research::multihop;
use tts_search::retrieve::*;

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, text).expect("written");
}

fn ids(index: &Index, query: &str) -> Vec<String> {
    index.search(query, 10).expect("finds").into_iter().map(|passage| passage.id).collect()
}

fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    write(root, "a.txt", "The Mira is a river.\n\nIt is 31 km long.");
    write(root, "notes/b.md", "# Lakes\n\nLake Wend is deep.");
    write(root, "page.html", "<title>Hills</title><p>The Harn is high.<script>Mira</script>");
    write(
        root,
        "rows.jsonl",
        "{\"id\": \"r7\", \"title\": \"Towns\", \"text\": \"Osleta is old.\", \"url\": \"https://x.org\"}\n",
    );
    write(root, "table.csv", "text,id\nVarno is a land.,v\n");
    write(root, ".hidden.txt", "secret");
    write(root, "paper.pdf", "%PDF");
    write(root, "image.png", "x");
    write(root, "bad.jsonl", "{\"words\": 1}\n");
    folder
}

#[test]
fn folders_of_all_forms_are_read_and_kept_up_to_date() {
    let (documents, place) = (filled(), tempfile::tempdir().expect("a folder"));
    let (root, at) = (documents.path(), place.path().join("index"));
    let index = Index::on_disk(&at, IndexSettings::default()).expect("opens");
    assert!(index.is_empty());
    let updated = index.update(root).expect("updates");
    assert_eq!((updated.read, updated.same, updated.gone, updated.passages), (5, 0, 0, 5));
    let skipped: Vec<String> =
        updated.skipped.iter().map(|(path, why)| format!("{}: {why}", path.display())).collect();
    assert!(
        skipped
            .iter()
            .any(|why| why.contains("bad.jsonl") && why.contains("expected one of text, contents")),
        "{skipped:?}"
    );
    let why = if cfg!(feature = "pdf") { "no PDF" } else { "pdftotext" };
    assert!(
        skipped.iter().any(|said| said.contains("paper.pdf") && said.contains(why)),
        "{skipped:?}"
    );
    assert_eq!(skipped.len(), 2);
    assert_eq!(ids(&index, "rivers"), ["a.txt#1"]);
    assert_eq!(ids(&index, "the high hill"), ["page.html#1", "a.txt#1"]);
    assert_eq!(ids(&index, "old town"), ["rows.jsonl/r7#1"]);
    assert_eq!(ids(&index, "secret words"), Vec::<String>::new());
    let towns = &index.search("Osleta", 1).expect("finds")[0];
    assert_eq!((towns.title.as_str(), towns.place.as_str()), ("Towns", "https://x.org"));
    let lake = &index.search("deep", 1).expect("finds")[0];
    assert_eq!((lake.id.as_str(), lake.title.as_str()), ("notes/b.md#1", "b: Lakes"));
    let before = index.identity();
    // Nothing has changed, then one of each.
    let updated = index.update(root).expect("updates");
    assert_eq!((updated.read, updated.same, updated.gone), (0, 5, 0));
    assert_eq!(index.identity(), before);
    write(root, "a.txt", "The Mira is a stream.");
    write(root, "new.txt", "A river too.");
    std::fs::remove_file(root.join("page.html")).expect("removed");
    drop(index);
    let index = Index::on_disk(&at, IndexSettings::default()).expect("opens again");
    let updated = index.update(root).expect("updates");
    assert_eq!((updated.read, updated.same, updated.gone), (2, 3, 1));
    assert_eq!(ids(&index, "river"), ["new.txt#1"]);
    assert_eq!((ids(&index, "Harn").len(), index.len()), (0, 5));
    assert_ne!(index.identity(), before);
}

#[test]
fn an_update_that_fails_changes_nothing() {
    let documents = filled();
    let root = documents.path();
    let index = Index::in_memory(IndexSettings::default()).expect("opens");
    index.update(root).expect("updates");
    let before = index.identity();
    index.update(&root.join("none")).expect_err("no folder");
    assert_eq!(index.identity(), before);
    // Documents that end in the middle.
    let broken = (0..9).map(|n| {
        assert!(n < 5, "a fault of whoever brings documents");
        Document { id: n.to_string(), text: "words".into(), ..Document::default() }
    });
    let add = std::panic::AssertUnwindSafe(|| index.add(broken));
    std::panic::catch_unwind(add).expect_err("panics");
    assert_eq!((index.identity(), index.len()), (before, 5));
    let updated = index.update(root).expect("updates");
    assert_eq!((updated.read, updated.same, updated.gone), (0, 5, 0));
    // A file that has lost its words is gone, and told each time.
    write(root, "a.txt", " \n");
    for gone in [1, 0] {
        let updated = index.update(root).expect("updates");
        assert_eq!((updated.gone, updated.skipped.len(), index.len()), (gone, 3, 4));
    }
}

#[test]
fn an_index_ranks_by_what_it_holds() {
    let settings = || IndexSettings { stems: false, ..IndexSettings::default() };
    let document =
        |id: &str, text: &str| Document { id: id.into(), text: text.into(), ..Document::default() };
    let texts = [("a", "mira one"), ("b", "wend one"), ("c", "mira wend two")];
    let fresh = Index::in_memory(settings()).expect("opens");
    fresh.add(texts.map(|(id, text)| document(id, text))).expect("adds");
    let changed = Index::in_memory(settings()).expect("opens");
    for round in 0..3 {
        let old = texts.map(|(id, _)| document(id, &format!("mira mira {round}")));
        changed.add(old).expect("adds");
    }
    changed.add(texts.map(|(id, text)| document(id, text))).expect("adds");
    assert_eq!(fresh.identity(), changed.identity());
    for query in ["mira", "wend two", "one mira"] {
        let scores = |index: &Index| {
            let found = index.search(query, 9).expect("finds");
            found.into_iter().map(|passage| (passage.id, passage.score)).collect::<Vec<_>>()
        };
        assert_eq!(scores(&fresh), scores(&changed), "{query}");
    }
}

#[test]
fn words_without_blanks_are_found() {
    let index = Index::in_memory(IndexSettings::default()).expect("opens");
    let document =
        |id: &str, text: &str| Document { id: id.into(), text: text.into(), ..Document::default() };
    let texts =
        [("a", "米拉河长三十一公里。"), ("b", "東京都は日本の首都です。"), ("c", "Rivers.")];
    index.add(texts.map(|(id, text)| document(id, text))).expect("adds");
    assert_eq!(ids(&index, "米拉河有多长?"), ["a#1"]);
    assert_eq!(ids(&index, "日本 river"), ["c#1", "b#1"]);
}

#[test]
fn queries_are_words_and_nothing_else() {
    let index = Index::in_memory(IndexSettings::default()).expect("opens");
    assert!(index.search("anything", 5).expect("finds").is_empty());
    let document =
        |id: &str, text: &str| Document { id: id.into(), text: text.into(), ..Document::default() };
    index.add([document("a", "one two"), document("b", "two three")]).expect("adds");
    for query in [
        "title:(one AND",
        "\"two",
        "*",
        "",
        "((((",
        "a^-1 ~ [x TO y]",
        "\u{0}",
        &"long ".repeat(10_000),
    ] {
        index.search(query, 5).expect(query);
    }
    assert_eq!(ids(&index, "+one -two"), ["a#1", "b#1"]);
    assert!(index.search("two", 0).expect("finds").is_empty());
    // Equals stand in the order of their ids, and a document of the same id is replaced.
    assert_eq!(ids(&index, "two"), ["a#1", "b#1"]);
    index.add([document("a", "four")]).expect("adds");
    assert_eq!((ids(&index, "one").len(), index.len()), (0, 2));
}

#[test]
fn what_is_no_index_of_ours_is_refused_by_name() {
    let place = tempfile::tempdir().expect("a folder");
    write(place.path(), "letter.txt", "dear");
    let error = Index::on_disk(place.path(), IndexSettings::default())
        .expect_err("a folder of letters")
        .to_string();
    assert!(
        error.contains(&place.path().display().to_string())
            && error.contains("no index")
            && error.contains("letter.txt"),
        "{error}"
    );
    assert_eq!(std::fs::read_dir(place.path()).expect("there").count(), 1);
    let at = place.path().join("index");
    Index::on_disk(&at, IndexSettings::default()).expect("opens").add([]).expect("adds");
    let settings = IndexSettings { stems: false, ..IndexSettings::default() };
    let error = Index::on_disk(&at, settings).expect_err("other settings").to_string();
    assert!(error.contains("stems true, not 1000 and false"), "{error}");
    for settings in [
        IndexSettings { memory: 1, ..IndexSettings::default() },
        IndexSettings { title: f32::NAN, ..IndexSettings::default() },
        IndexSettings { cut: Cut { chars: 1 }, ..IndexSettings::default() },
    ] {
        assert!(matches!(Index::in_memory(settings), Err(RetrieveError::Settings(_))));
    }
    let missing = Index::in_memory(IndexSettings::default())
        .expect("opens")
        .update(&place.path().join("none"));
    assert!(missing.expect_err("no folder").to_string().contains("none"));
}

#[test]
fn it_ranks_as_the_exact_ranking_does() {
    let world = tts_search::research::atlas::Atlas::new(4, 300);
    let memory = world.retriever();
    let settings = IndexSettings { stems: false, title: 1.0, ..IndexSettings::default() };
    let index = Index::in_memory(settings).expect("opens");
    let document = |passage: &Passage| {
        let Passage { id, title, text, .. } = passage.clone();
        Document { id, title, text, ..Document::default() }
    };
    index.add(world.passages().iter().map(document)).expect("adds");
    let top = |retriever: &dyn Retriever, query: &str| {
        let found = retriever.search(query, 3).expect("finds");
        found.into_iter().map(|passage| passage.text).collect::<Vec<_>>()
    };
    let passages = world.passages().iter().step_by(7);
    let queries: Vec<String> =
        passages.map(|passage| format!("{} {}", passage.title, passage.text)).collect();
    // Lengths are rounded by the engine, so only the best is sure to be the same.
    let same =
        queries.iter().filter(|query| top(&index, query)[0] == top(&memory, query)[0]).count();
    assert_eq!(same, queries.len());
}

#[test]
fn real_paragraphs_of_two_hops() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/multihop/hotpotqa_distractor_100.jsonl");
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return;
    }
    let questions = multihop::read(&path).expect("reads");
    let index =
        Index::in_memory(IndexSettings { cut: Cut { chars: 100_000 }, ..IndexSettings::default() })
            .expect("opens");
    let document = |passage: Passage| Document {
        id: passage.id,
        title: passage.title,
        text: passage.text,
        ..Document::default()
    };
    index.add(multihop::passages(&questions).into_iter().map(document)).expect("adds");
    let both = |k| {
        let found = |question: &&multihop::Question| {
            let found = index.search(&question.question, k).expect("finds");
            question.gold().iter().all(|gold| found.iter().any(|passage| passage.title == *gold))
        };
        questions.iter().filter(found).count()
    };
    let found = [2, 4, 5, 10, 20].map(both);
    println!("both gold paragraphs of {} passages: {found:?} (2, 4, 5, 10, 20)", index.len());
    assert!(found[3] >= 70, "{found:?}");
}

/// Puts a text where its length says: near are texts of like lengths.
struct Lengths;

impl tts_core::Embedder for Lengths {
    fn embed(
        &self,
        texts: &[&str],
        _: tts_core::TextKind,
    ) -> Result<tts_core::Embedded, tts_core::BoxError> {
        #[expect(clippy::cast_precision_loss, reason = "lengths of a test")]
        let of = |text: &&str| {
            let angle = text.len() as f32 / 100.0;
            [angle.cos(), angle.sin()]
        };
        let vectors = texts.iter().flat_map(of).collect();
        Ok(tts_core::Embedded { vectors, ..tts_core::Embedded::default() })
    }
    fn dim(&self) -> usize {
        2
    }
    fn max_tokens(&self) -> usize {
        100
    }
    fn identity(&self, _: tts_core::TextKind) -> serde_json::Value {
        "lengths".into()
    }
}

#[test]
fn an_index_and_vectors_beside_it_search_together() {
    let (documents, place) = (filled(), tempfile::tempdir().expect("a folder"));
    let at = place.path().join("index");
    let vectors = at.join(Vectors::FILE);
    let hybrid = || {
        let index = Index::on_disk(&at, IndexSettings::default()).expect("opens");
        index.update(documents.path()).expect("updates");
        let passages = index.passages().expect("reads");
        assert!(passages.is_sorted_by_key(|passage| passage.id.clone()));
        assert_eq!(passages.len(), index.len());
        let vectors = Vectors::on_disk(&vectors, passages, Lengths, false, &mut |_, _| {});
        let vectors = vectors.expect("embeds");
        let done = vectors.done();
        (Hybrid::new(index, vectors, HybridSettings::default()).expect("settings"), done)
    };
    let (first, done) = hybrid();
    assert_eq!((done.made, done.known), (5, 0));
    let found = first.search("Osleta", 9).expect("finds");
    // The word is in one passage; all have a length.
    assert_eq!((found[0].id.as_str(), found.len()), ("rows.jsonl/r7#1", 5));
    let identity = first.identity();
    drop(first);
    write(documents.path(), "a.txt", "The Mira is a stream.");
    let (second, done) = hybrid();
    assert_eq!((done.made, done.known, done.spare), (1, 4, 1));
    assert_ne!(second.identity(), identity);
    drop(second);
    // An index that is made anew costs no vector, and one that was never finished is none.
    for entry in std::fs::read_dir(&at).expect("there") {
        let path = entry.expect("an entry").path();
        if !path.ends_with(Vectors::FILE) {
            std::fs::remove_file(path).expect("removed");
        }
    }
    write(&at, ".tantivy-writer.lock", "");
    let (third, done) = hybrid();
    assert_eq!((done.made, done.known), (0, 5));
    assert_eq!(third.search("stream", 1).expect("finds")[0].id, "a.txt#1");
}
