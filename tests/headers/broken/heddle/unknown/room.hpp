// Breaks a rule on purpose: there is no such room.
#pragma once
