// The rooms of the library, for those who look for a name.
//
//   core      ids, errors, jobs, bits, random streams, statistics
//   model     operating points, curves, throughput and power models, the catalogue
//   fabric    hosts, networks of fixed links and of circuits, who owns what, the network as a graph
//   traffic   collectives as phases of flows
//   route     paths of flows, contention, proofs of isolation
//   optical   wirings of optical switches, least rewiring, plans
//   order     in which order a queue is looked at
//   choice    one point a job under shared limits: a knapsack, with a proof
//   share     fair shares of GPU types
//   allocate  operating points for jobs
//   place     GPUs and links for a job
//   schedule  order × allocation × admission × means × placement × routing
//   sim       replaying a workload
//   trace     reading and making workloads
#pragma once

namespace heddle::model {}
namespace heddle::fabric {}
namespace heddle::traffic {}
namespace heddle::route {}
namespace heddle::optical {}
namespace heddle::order {}
namespace heddle::choice {}
namespace heddle::share {}
namespace heddle::allocate {}
namespace heddle::place {}
namespace heddle::admit {}
namespace heddle::schedule {}
namespace heddle::sim {}
namespace heddle::trace {}
