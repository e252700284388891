// Measured iteration times with and without contention beside what the contention model predicts.
#pragma once

namespace heddle::evaluate {

/// Prints the table as Markdown.
void evaluate_iterations();

}  // namespace heddle::evaluate
