//! Atlas: a made-up world of linked entities in which every report can be checked exactly.
//!
//! Lands have capitals, coins and rulers; capitals lie on rivers and have founders; rivers flow into seas; people are born in
//! towns and have teachers. Each entity has one paragraph, and for many names there is a distractor: something
//! else of that name, with a paragraph full of the same words. A request names a land and six facts that are
//! one to three links away:
//!
//! ```text
//! Report on Varno: capital; coin; capital > river; ruler > birthplace; capital > river > sea; ruler > teacher > birthplace
//!
//! capital: Osleta [17]
//! capital > river: ?        -> question: river of Osleta    -> [3] Osleta lies on the Mira. -> answer: Mira [3]
//! ```
//!
//! What is two links away cannot be searched for by the words of the request: the question has to name what an
//! earlier answer said. [`Agents`] write every part by rule, with errors at a rate; so what a method makes of searches
//! and variants can be measured without a model, and a model can be measured on the same requests. What they write are
//! [`lessons`] for a small one: [`prompts`] say the same in few words, and names are made of [`syllables`].
//!
//! Source: none; a world for tests and experiments, as [`tts_core::toy`].

mod agents;
mod lesson;
mod request;

pub use agents::Agents;
pub use lesson::{Lesson, lessons, prompts};
pub use request::Request;

use tts_core::seed::{self, Rng};

use crate::retrieve::{Memory, Passage};

/// An entity's kind, by which its facts are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Land,
    Town,
    River,
    Person,
}

/// Links of each kind: the relation, what it leads to (nothing for a plain word), and how a paragraph tells it. `{}`
/// stands for the value.
const LINKS: [(Kind, &str, Option<Kind>, &str); 8] = [
    (Kind::Land, "capital", Some(Kind::Town), "Its capital is {}."),
    (Kind::Land, "coin", None, "Its coin is the {}."),
    (Kind::Land, "ruler", Some(Kind::Person), "Its ruler is {}."),
    (Kind::Town, "river", Some(Kind::River), "It lies on the river {}."),
    (Kind::Town, "founder", Some(Kind::Person), "Its founder is {}."),
    (Kind::River, "sea", None, "It flows into the sea called {}."),
    (Kind::Person, "birthplace", Some(Kind::Town), "The birthplace is {}."),
    (Kind::Person, "teacher", Some(Kind::Person), "The teacher is {}."),
];

/// The facts of a request, as links from the land.
const SLOTS: [&[&str]; 6] = [
    &["capital"],
    &["coin"],
    &["capital", "river"],
    &["ruler", "birthplace"],
    &["capital", "river", "sea"],
    &["ruler", "teacher", "birthplace"],
];

#[derive(Debug, Clone)]
struct Entity {
    kind: Kind,
    name: String,
    /// The value of each link of its kind, in the order of `LINKS`.
    values: Vec<String>,
}

/// A world.
///
/// ```
/// use tts_search::research::atlas::Atlas;
/// let world = Atlas::new(7, 1_000);
/// assert_eq!(world.passages().len(), 1_000);
/// let request = world.request(0);
/// assert_eq!(request.right(&request.best()), 6);
/// ```
#[derive(Debug, Clone)]
pub struct Atlas {
    entities: Vec<Entity>,
    passages: Vec<Passage>,
    lands: usize,
}

/// The passage of an entity or distractor, by its place.
fn passage(place: usize, title: &str, text: String) -> Passage {
    Passage::new(format!("atlas#{}", place + 1), title, text)
}

/// What a syllable of a name begins with.
const BEGIN: [&str; 24] = [
    "b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "br", "dr", "kl",
    "st", "tr", "gl", "pr", "sk", "sh",
];
/// What it ends with.
const MIDDLE: [&str; 8] = ["a", "e", "i", "o", "u", "ai", "ei", "ou"];

/// All syllables that names are made of, in small letters and capitalised; behind the last of them there may be one more
/// letter.
///
/// ```
/// use tts_search::research::atlas;
/// assert!(atlas::syllables().contains(&"Skai".to_owned()));
/// ```
pub fn syllables() -> Vec<String> {
    let small =
        || BEGIN.iter().flat_map(|begin| MIDDLE.iter().map(move |end| format!("{begin}{end}")));
    small().chain(small().map(|syllable| capitalised(&syllable))).collect()
}

/// A word with its first letter large.
fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// A made-up name that was not given yet.
fn name(rng: &mut Rng, taken: &mut std::collections::HashSet<String>) -> String {
    loop {
        let syllables = 2 + rng.below(2);
        let mut name = String::new();
        for _ in 0..syllables {
            name += BEGIN[rng.below(BEGIN.len())];
            name += MIDDLE[rng.below(MIDDLE.len())];
        }
        name += ["", "n", "l", "s", "r"][rng.below(5)];
        let name = capitalised(&name);
        if taken.insert(name.clone()) {
            return name;
        }
    }
}

impl Atlas {
    /// A world of so many paragraphs, at least 20; a third of them are distractors.
    pub fn new(seed: u64, paragraphs: usize) -> Self {
        let paragraphs = paragraphs.max(20);
        let mut rng = seed::rng(seed::mix(0xa71a5, seed));
        let mut taken = std::collections::HashSet::new();
        let real = paragraphs - paragraphs / 3;
        // Of ten entities two are lands, three towns, two rivers, three people.
        let kind = |place: usize| match place % 10 {
            0 | 5 => Kind::Land,
            1 | 4 | 7 => Kind::Town,
            2 | 8 => Kind::River,
            _ => Kind::Person,
        };
        let names: Vec<(Kind, String)> =
            (0..real).map(|place| (kind(place), name(&mut rng, &mut taken))).collect();
        let mut value = |rng: &mut Rng, leads: Option<Kind>, not: &str| match leads {
            None => name(rng, &mut taken).to_lowercase(),
            Some(kind) => {
                let of: Vec<&String> =
                    names.iter().filter(|(k, n)| *k == kind && n != not).map(|(_, n)| n).collect();
                of[rng.below(of.len())].clone()
            }
        };
        let entities: Vec<Entity> = names
            .iter()
            .map(|(kind, name)| {
                let links = LINKS.iter().filter(|(of, ..)| of == kind);
                let values = links.map(|(_, _, leads, _)| value(&mut rng, *leads, name)).collect();
                Entity { kind: *kind, name: name.clone(), values }
            })
            .collect();
        let mut texts: Vec<(String, String)> = entities.iter().map(Entity::told).collect();
        texts.extend((real..paragraphs).map(|_| {
            let entity = &entities[rng.below(entities.len())];
            (entity.name.clone(), entity.distractor(&mut rng, &entities))
        }));
        rng.shuffle(&mut texts);
        let passages = texts.into_iter().enumerate();
        let passages =
            passages.map(|(place, (title, text))| passage(place, &title, text)).collect();
        let lands = entities.iter().filter(|entity| entity.kind == Kind::Land).count();
        Self { entities, passages, lands }
    }

    /// All paragraphs.
    pub fn passages(&self) -> &[Passage] {
        &self.passages
    }

    /// A search over all paragraphs.
    pub fn retriever(&self) -> Memory {
        Memory::new(self.passages.clone())
    }

    /// How many different requests there are: one for each land.
    pub fn requests(&self) -> usize {
        self.lands
    }

    /// Request number `index`, counted around.
    pub fn request(&self, index: usize) -> Request {
        let lands = self.entities.iter().filter(|entity| entity.kind == Kind::Land);
        let land = lands.cycle().nth(index % self.lands.max(1));
        // There are lands in every world of 20 paragraphs.
        let land = land.map_or("", |land| land.name.as_str());
        Request::new(
            land,
            SLOTS.iter().map(|links| (links.join(" > "), self.follow(land, links))).collect(),
        )
    }

    /// What a chain of links leads to.
    fn follow(&self, name: &str, links: &[&str]) -> String {
        links.iter().fold(name.to_owned(), |name, link| {
            let entity = self.entities.iter().find(|entity| entity.name == name);
            entity.and_then(|entity| entity.value(link)).unwrap_or_default().to_owned()
        })
    }
}

impl Entity {
    fn links(&self) -> impl Iterator<Item = (&'static str, &'static str, &String)> {
        let links = LINKS.iter().filter(|(kind, ..)| *kind == self.kind);
        links.zip(&self.values).map(|((_, relation, _, told), value)| (*relation, *told, value))
    }

    fn value(&self, link: &str) -> Option<&str> {
        self.links().find(|(relation, ..)| *relation == link).map(|(.., value)| value.as_str())
    }

    /// Name and paragraph.
    fn told(&self) -> (String, String) {
        let kind = match self.kind {
            Kind::Land => "a land",
            Kind::Town => "a town",
            Kind::River => "a river",
            Kind::Person => "a person",
        };
        let facts: Vec<String> =
            self.links().map(|(_, told, value)| told.replace("{}", value)).collect();
        (self.name.clone(), format!("{} is {kind}. {}", self.name, facts.join(" ")))
    }

    /// A paragraph about something else of this name, with the words of its facts.
    fn distractor(&self, rng: &mut Rng, all: &[Self]) -> String {
        let what = ["a ship", "a song", "a cheese", "a game"][rng.below(4)];
        let other = &all[rng.below(all.len())].name;
        let words: Vec<&str> = self.links().map(|(relation, ..)| relation).collect();
        format!(
            "{} is {what}. It is known in {other}, not for its {}.",
            self.name,
            words.join(" or ")
        )
    }
}
