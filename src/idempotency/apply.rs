//! Applies operations, and undoes what they refuse.

use sea_orm::{DatabaseTransaction, DbErr, TransactionTrait};

use super::operation::{Answer, Operation};

/// Applies the winners so that no effect of a refused one remains, and no refusal rests on an
/// effect that does not remain.
pub(super) async fn apply<O: Operation>(
    txn: &DatabaseTransaction,
    operations: &[&O],
) -> Result<Vec<Answer>, DbErr> {
    if !O::REFUSES {
        return answers(O::apply(txn, operations).await?, operations.len());
    }
    let decided = decide(txn, operations).await?;
    let accepted: Vec<&O> = operations
        .iter()
        .zip(&decided)
        .filter(|(_, answer)| !answer.is_refused())
        .map(|(operation, _)| *operation)
        .collect();
    if accepted.is_empty() || accepted.len() == operations.len() {
        return Ok(decided);
    }
    let confirmed = decide(txn, &accepted).await?;
    if confirmed.iter().any(Answer::is_refused) {
        // The rollback released the locks, and another transaction came between: the refusals were
        // decided with effects that will not happen. One by one, none is decided with others.
        let mut answers = Vec::with_capacity(operations.len());
        for operation in operations {
            answers.extend(decide(txn, &[*operation]).await?);
        }
        return Ok(answers);
    }
    let mut confirmed = confirmed.into_iter();
    let answer = |answer: Answer| match answer {
        Answer::Refused { .. } => Some(answer),
        Answer::Accepted(_) => confirmed.next(),
    };
    Ok(decided.into_iter().filter_map(answer).collect())
}

/// Applies operations in a savepoint, which is rolled back if one of them is refused.
async fn decide<O: Operation>(
    txn: &DatabaseTransaction,
    operations: &[&O],
) -> Result<Vec<Answer>, DbErr> {
    let savepoint = txn.begin().await?;
    let answers = answers(O::apply(&savepoint, operations).await?, operations.len())?;
    if answers.iter().any(Answer::is_refused) {
        savepoint.rollback().await?;
    } else {
        savepoint.commit().await?;
    }
    Ok(answers)
}

/// Checks that an operation has answered every winner.
fn answers(answers: Vec<Answer>, winners: usize) -> Result<Vec<Answer>, DbErr> {
    if answers.len() == winners {
        return Ok(answers);
    }
    let count = answers.len();
    Err(DbErr::Custom(format!(
        "the operation returned {count} answers for {winners} requests"
    )))
}
