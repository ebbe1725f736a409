//! The nodes as their parent has them: started, told what to do, listened to, and killed.

use crate::Failure;
use crate::child::Guarded;
use crate::journal::{Entry, Life};
use crate::wait::PATIENCE;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// A node that runs.
pub struct Node {
    pub name: String,
    /// Where its metrics are.
    pub address: String,
    process: Guarded,
    commands: ChildStdin,
    news: Receiver<Entry>,
    life: Arc<Mutex<Life>>,
}

impl Node {
    /// Starts a node of this name, which serves at this address; it rests until it is told to work.
    pub fn start(name: &str, address: &str, seed: u64, otlp: Option<&str>) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--node", name, "--metrics-addr", address, "--seed", &seed.to_string()]);
        if let Some(url) = otlp {
            command.args(["--otlp-http", url]);
        }
        let mut process = Guarded::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let (Some(commands), Some(told)) = (process.0.stdin.take(), process.0.stdout.take()) else {
            return Err("a node has no pipes".into());
        };
        let life = Arc::default();
        let (sender, news) = channel();
        std::thread::spawn({
            let life = Arc::clone(&life);
            move || listen(told, &life, &sender)
        });
        let mut node = Self { name: name.to_owned(), address: String::new(), process, commands, news, life };
        match node.news()? {
            Entry::Serves(address) => node.address = address.to_string(),
            other => return Err(format!("{name} said `{other}`, not where its metrics are").into()),
        }
        Ok(node)
    }

    pub fn work(&mut self) -> Result<(), Failure> {
        Ok(writeln!(self.commands, "work")?)
    }

    /// Lets it finish its order and rest; what it has done until then.
    pub fn rest(&mut self) -> Result<Life, Failure> {
        writeln!(self.commands, "rest")?;
        match self.news()? {
            // It tells in order: what it did before it rests has been heard.
            Entry::Rests => Ok(self.life.lock().unwrap_or_else(PoisonError::into_inner).clone()),
            other => Err(format!("{} said `{other}`, not that it rests", self.name).into()),
        }
    }

    /// Kills it.
    pub fn kill(mut self) {
        self.process.kill();
    }

    fn news(&self) -> Result<Entry, Failure> {
        self.news.recv_timeout(PATIENCE).map_err(|error| format!("{} says nothing: {error}", self.name).into())
    }
}

/// Notes what a node did, and passes on what else it says.
fn listen(told: impl Read, life: &Mutex<Life>, news: &Sender<Entry>) {
    for line in BufReader::new(told).lines().map_while(Result::ok) {
        match Entry::parse(&line) {
            Some(Entry::Did { kind, took, in_hand }) => {
                let mut life = life.lock().unwrap_or_else(PoisonError::into_inner);
                life.orders.push((kind, took));
                life.in_hand = in_hand;
            }
            Some(entry) => drop(news.send(entry)),
            None => eprintln!("cluster: a node said `{line}`"),
        }
    }
}
