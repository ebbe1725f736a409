//! A large argument that goes down three levels.

use crate::shared::{Report, pause};
use std::pin::pin;

#[attribute]
pub async fn nested_one(block: [u8; 1024]) -> u64 {
    nested_two(block).await
}

#[attribute]
async fn nested_two(block: [u8; 1024]) -> u64 {
    nested_three(block).await
}

#[attribute]
async fn nested_three(block: [u8; 1024]) -> u64 {
    pause(0).await;
    block.iter().map(|byte| u64::from(*byte)).sum()
}

pub fn run(report: &mut Report) {
    let sum = report.drive("nested", pin!(nested_one([1; 1024])));
    report.add(sum);
}
