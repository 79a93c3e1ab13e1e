/*
 * redis_trouble_table - everything that keeps Redis from serving, with what to do about it: the one place where an error
 * reply or a lost connection gets its remedy. docs/operations/faults.md explains each row; a test compares the two.
 *
 * REDIS_REPLY_ROWS   X(how the reply begins, enum redis_trouble, code of err_table.h, remedy)
 * REDIS_LOSS_ROWS    X(enum redis_loss, remedy)
 */
#pragma once

#define REDIS_REPLY_ROWS(X)                                                                                            \
    X("LOADING", NOT_READY, REDIS_UNAVAILABLE, "it reads its data after a start: wait")                                \
    X("READONLY", NOT_READY, REDIS_UNAVAILABLE, "it is a replica; redis.url must name the primary")                    \
    X("MASTERDOWN", NOT_READY, REDIS_UNAVAILABLE, "it is a replica; redis.url must name the primary")                  \
    X("UNBLOCKED", NOT_READY, REDIS_UNAVAILABLE, "it became a replica; redis.url must name the primary")               \
    X("NOREPLICAS", NOT_READY, REDIS_UNAVAILABLE,                                                                      \
      "fewer replicas are connected than its min-replicas-to-write asks for: bring them back or lower it")             \
    X("BUSY ", NOT_READY, REDIS_UNAVAILABLE,                                                                           \
      "somebody's script runs for too long: wait, or end it with SCRIPT KILL or FUNCTION KILL")                        \
    X("MISCONF", NOT_READY, REDIS_UNAVAILABLE,                                                                         \
      "it cannot write to its disk: free space there, look at its log, and run BGSAVE if snapshots failed")            \
    X("CLUSTERDOWN", NOT_READY, REDIS_UNAVAILABLE, "its cluster misses slots or nodes: look at CLUSTER INFO")          \
    X("NOAUTH", NOT_READY, REDIS_UNAVAILABLE, "put the password into redis.url or redis.url_file")                     \
    X("WRONGPASS", NOT_READY, REDIS_UNAVAILABLE, "correct the password in redis.url or redis.url_file")                \
    X("ERR AUTH", NOT_READY, REDIS_UNAVAILABLE, "it has no password set: take the one in redis.url out, or set it")    \
    X("ERR max number of clients", NOT_READY, REDIS_UNAVAILABLE,                                                       \
      "raise maxclients: stint holds 4 connections a host and one a worker; or find idle ones in CLIENT LIST")         \
    X("DENIED", NOT_READY, REDIS_UNAVAILABLE, "it is in protected mode: bind it and give it a password")               \
    X("NOPERM", NONE, REDIS_UNAVAILABLE,                                                                               \
      "give its user ~stint:* &stint:* +@all -@admin -@dangerous +info +client|unblock; ACL LOG shows what it lacked") \
    X("OOM", NONE, REDIS_FULL, "it is at maxmemory: raise maxmemory or let the queues drain; jobs go on being finished") \
    X("MOVED", NONE, REDIS_UNAVAILABLE,                                                                                \
      "redis.url names a node of a cluster: set [redis] cluster = yes; slots were moved, if it is set: wait")          \
    X("ASK ", NONE, REDIS_UNAVAILABLE, "the queue's slot is being moved to another node: wait")                        \
    X("TRYAGAIN", NONE, REDIS_UNAVAILABLE, "the queue's slot is being moved to another node: wait")                    \
    X("CROSSSLOT", NONE, REDIS_REFUSED, "redis.url names a node of a cluster: set [redis] cluster = yes")              \
    X("WRONGTYPE", NONE, REDIS_REFUSED, "another program wrote a key of stint's name: rename or delete that key")      \
    X("ERR Function not found", NO_FUNCTIONS, REDIS_REFUSED, "it lost the stint Functions; they are loaded again")     \
    X("ERR Function stint_", NONE, REDIS_UNAVAILABLE,                                                                  \
      "another library has Functions of stint's names: find it with FUNCTION LIST and delete it, or use another Redis") \
    X("ERR Library 'stint'", NONE, REDIS_UNAVAILABLE,                                                                  \
      "another program's library is named stint: FUNCTION DELETE stint, or use another Redis")                         \
    X("ERR unknown command 'FCALL'", NONE, REDIS_REFUSED, "stint needs Redis 7.0 or newer")                            \
    X("ERR unknown command 'FUNCTION'", NONE, REDIS_REFUSED, "stint needs Redis 7.0 or newer")

#define REDIS_LOSS_ROWS(X)                                                                                             \
    X(REFUSED, "is Redis running, and is redis.url right?")                                                            \
    X(NO_SOCKET, "no such socket: is Redis running, and is redis.url right?")                                          \
    X(DENIED, "this user may not open the socket: see unixsocketperm of Redis")                                        \
    X(NAME, "the host's name cannot be resolved: is redis.url right, and does DNS answer?")                            \
    X(ROUTE, "the host cannot be reached: is the network between here and there up?")                                  \
    X(SILENT, "no answer in time: is it stopped, overloaded, or the network cut? (redis.command_timeout)")             \
    X(SILENT_CONNECT, "no connection in time: is the host up and the network whole? (redis.connect_timeout)")          \
    X(CLOSED, "it closed the connection: was it restarted, or did somebody use CLIENT KILL?")                          \
    X(PROTOCOL, "this is not Redis' protocol: does redis.url name another service's port, or one that speaks TLS?")    \
    X(LOCAL, "this host is out of descriptors or memory: raise the pool's `files` or LimitNOFILE")                     \
    X(OTHER, "is Redis running, and is redis.url right?")
