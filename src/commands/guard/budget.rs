//! Budget: an agent of a run hears how it stands, once for each limit, and runs no tool any more when all is spent.

use std::path::PathBuf;

use crate::agents::Answer;
use crate::agents::Event;
use crate::base::failure::Failure;
use crate::workspace::copy;
use crate::workspace::word::Word;

use super::super::Context;
use super::places;
use super::places::Bound;

/// A word that a runner has left for the agent that asks.
#[derive(Debug)]
pub struct Heard {
    word: Word,
    /// Its workspace.
    top: PathBuf,
}

impl Heard {
    /// The word for whoever asks, if there is one.
    ///
    /// # Errors
    /// When whose workspace it is or the word cannot be read.
    pub fn by(context: &Context<'_>, event: &Event) -> Result<Option<Heard>, Failure> {
        // Nothing is worked on by these.
        if matches!(event, Event::Make(_) | Event::Remove(_) | Event::Other) {
            return Ok(None);
        }
        let Some(mut top) = places::top_of(&places::real(&context.folder, true)?) else { return Ok(None) };
        if copy::workspace(&top)?.is_none() {
            if context.told.is_none() {
                return Ok(None);
            }
            // The task's own process, somewhere else.
            let Some(bound) = Bound::of(context)? else { return Ok(None) };
            top = bound.top;
        }
        let Some((task, fence)) = copy::workspace(&top)? else { return Ok(None) };
        let fence = match &context.told {
            Some((told, fence)) if *told == task => *fence,
            _ => fence,
        };
        Ok(Word::heard(&top, fence)?.map(|word| Heard { word, top }))
    }

    /// The answer when all is spent: no tool runs, and a turn may end with whatever is there.
    pub fn instead(&self, event: &Event) -> Option<Answer> {
        if !self.word.is_spent {
            return None;
        }
        match event {
            Event::Edit(_) | Event::Shell(_) | Event::Tool => Some(Answer::Deny(self.word.text.clone())),
            Event::Begin | Event::Listen => Some(Answer::Pass(Some(self.word.text.clone()))),
            Event::End => Some(Answer::Pass(None)),
            Event::Make(_) | Event::Remove(_) | Event::Other => None,
        }
    }

    /// An answer with the word in it, the first time that it can be told. Where an answer that passes carries no text, the
    /// tool is held back this once.
    ///
    /// # Errors
    /// When it cannot be kept that it was told.
    pub fn with(&self, event: &Event, answer: Answer, hears: bool) -> Result<Answer, Failure> {
        let is_tool = matches!(event, Event::Edit(_) | Event::Shell(_) | Event::Tool);
        let can = is_tool || hears && matches!(event, Event::Begin | Event::Listen);
        let Word { fence, attempt, limit, text, .. } = &self.word;
        let state = format!("fence {fence}, attempt {attempt}, {limit}");
        if !can || !copy::is_news_about(&self.top, "budget", &state)? {
            return Ok(answer);
        }
        Ok(match answer {
            Answer::Pass(None) if hears => Answer::Pass(Some(text.clone())),
            Answer::Pass(Some(told)) if hears => Answer::Pass(Some(format!("{told}\n{text}"))),
            Answer::Pass(_) => Answer::Deny(format!(
                "{text}\nThis is told once, and held your tool back: do the same again, and it is judged as ever."
            )),
            Answer::Deny(reason) => Answer::Deny(format!("{reason}\n{text}")),
            Answer::Made(path) => Answer::Made(path),
        })
    }
}
