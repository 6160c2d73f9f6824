// CUB's loads; block_reduce.cuh has them.
#pragma once
